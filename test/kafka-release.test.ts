import { afterAll, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { local } from "../stack/addresses.ts";
import { dataFolder } from "../stack/instance.ts";
import { down, up } from "../stack/lifecycle.ts";
import { classPathOf } from "../stack/services/java.ts";
import { kafka } from "../stack/services/kafka.ts";
import { openOwnStack } from "./support/own-stack.ts";

const stack = await openOwnStack({ suffix: "-kafka" });
const { instance } = stack;
const folder = dataFolder(instance, "kafka");

afterAll(async () => {
  await stack.down();
  stack.remove();
});

/** The output of one of Kafka's tools. */
async function tool(bundle: "kafka" | "connect", name: string, ...args: string[]): Promise<string> {
  const argv = [instance.installed.java, "-Xmx256m", "-cp", classPathOf(instance, bundle), name, ...args];
  const running = Bun.spawn(argv, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  const output = await new Response(running.stdout).text();
  expect(await running.exited).toBe(0);
  return output;
}

/** The levels of Kafka's features, by name. */
async function features(): Promise<Record<string, string>> {
  const broker = ["--bootstrap-server", local(instance.config.ports.kafka)];
  const text = await tool("connect", "org.apache.kafka.tools.FeatureCommand", ...broker, "describe");
  return Object.fromEntries(
    [...text.matchAll(/^Feature: (\S+)\s.*FinalizedVersionLevel: (\S+)/gm)].map(([, name, level]) => [name, level]),
  );
}

test("data of Kafka 3.9 is upgraded once, and data of a newer Kafka than the installed one is refused", async () => {
  await kafka.prepare?.(instance, new AbortController().signal);
  rmSync(join(folder, "log"), { recursive: true });
  rmSync(join(folder, "release"));
  const cluster = ["--cluster-id=MkU3OEVBNTcwNTJENDM2Qk", "-c", join(folder, "kraft.properties")];
  await tool("kafka", "kafka.tools.StorageTool", "format", ...cluster, "--release-version", "3.9");

  await up(instance, { only: ["kafka"] });
  expect(await features()).toMatchObject({
    "metadata.version": expect.stringMatching(/^4\.4-/),
    "transaction.version": "2",
  });
  expect(readFileSync(join(folder, "release"), "utf8")).toBe("4.4");
  await down(instance);

  writeFileSync(join(folder, "release"), "4.10");
  await expect(up(instance, { only: ["kafka"] })).rejects.toThrow(
    `the data in ${folder} has the format of Kafka 4.10, which Kafka 4.4 cannot read`,
  );
});

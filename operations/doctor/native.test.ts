import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveSettings } from "../../runtime/config.ts";
import { listSettings } from "../../runtime/setting.ts";
import { Settings } from "../../runtime/settings.ts";
import { until } from "../../runtime/until.ts";
import { freePort } from "../../test/support/free-port.ts";
import { holdersOf } from "../processes.ts";
import type { Clients } from "./clients.ts";
import { supervisorChecks } from "./native.ts";

const settings = listSettings(Settings);
const folder = realpathSync(mkdtempSync(join(tmpdir(), "doctor-native-")));
const stack = { folder: join(folder, ".stack"), project: folder, settings };
const started: Bun.Subprocess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A configuration whose ports are all free. */
async function freeConfig() {
  const ports = settings.filter(({ path }) => path[0] === "ports");
  const env: Record<string, string> = {};
  for (const { env: name } of ports) env[name] = String(freePort());
  return resolveSettings({}, "", env, "config.yaml");
}

/** Listens on these ports in a process of its own, which is called with `args`. */
async function holdPorts(ports: number[], cwd: string, ...args: string[]) {
  const script = join(folder, "supervisord.mjs");
  writeFileSync(
    script,
    `import net from "node:net";\nfor (const port of ${JSON.stringify(ports)}) net.createServer().listen(port, "127.0.0.1");\n`,
  );
  started.push(Bun.spawn([process.execPath, script, ...args], { cwd, stdio: ["ignore", "ignore", "inherit"] }));
  await until("it holds the ports", () => holdersOf(ports).size === ports.length);
  return started.at(-1)!;
}

const look = async (config: Awaited<ReturnType<typeof freeConfig>>, what: string) => {
  const check = supervisorChecks(stack, config).find((each) => each.what === what);
  return (await check?.look({} as Clients, AbortSignal.timeout(10_000))) ?? [];
};

test.if(process.platform === "linux")(
  "a port that another program holds is named, with the program's folder",
  async () => {
    const config = await freeConfig();
    expect(await look(config, "ports")).toEqual([]);
    const holder = await holdPorts([config.ports.kafka], folder, "somebody-elses");
    expect(await look(config, "ports")).toEqual([
      {
        severity: "error",
        about: "Kafka",
        cause: `needs port ${config.ports.kafka}, which is in use by ${process.execPath} (pid ${holder.pid}, in ${folder})`,
        cure: "Stop it, or set KAFKA_PORT to another port",
        explains: ["Kafka"],
      },
    ]);
  },
);

test.if(process.platform === "linux")(
  "ports that another clone's stack holds are one finding, with its folder",
  async () => {
    const config = await freeConfig();
    const { postgres, kafka, api } = config.ports;
    const clone = join(folder, "clone", ".stack");
    await holdPorts([postgres, kafka, api], folder, "-c", join(clone, "run", "supervisord.conf"));
    const findings = await look(config, "ports");
    expect(findings).toMatchObject([
      { severity: "error", about: "the stack", explains: ["PostgreSQL", "Kafka", "the API"] },
    ]);
    expect(findings[0]?.cause).toBe(
      `Another stack of this project is running in ${clone} and uses ports ${postgres}, ${kafka}, ${api}`,
    );
    expect(findings[0]?.cure).toMatch(/PORT_OFFSET=\d+00 to this clone's \.env/);
  },
);

test.if(process.platform === "linux")("ports that the stack itself holds are none", async () => {
  const config = await freeConfig();
  await holdPorts([config.ports.kafka], folder, "-c", join(stack.folder, "run", "supervisord.conf"));
  expect(await look(config, "ports")).toEqual([]);
});

test.if(process.getuid?.() === 0)("an account that cannot see who holds a port still finds it held", async () => {
  const config = await freeConfig();
  await holdPorts([config.ports.postgres], folder);
  process.seteuid?.(65_534);
  try {
    expect(await look(config, "ports")).toMatchObject([
      { cause: `needs port ${config.ports.postgres}, which is in use by another process`, explains: ["PostgreSQL"] },
    ]);
  } finally {
    process.seteuid?.(0);
  }
});

test("a stack whose supervisor does not answer is not running, which explains all of its services", async () => {
  const [finding] = await look(await freeConfig(), "the supervisor");
  expect(finding).toMatchObject({ about: "the stack", cause: `it is not running (its folder: ${stack.folder})` });
  expect(finding?.explains).toContain("Kafka");
});

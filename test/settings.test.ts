/** The settings in config.yaml and .env apply to programs run in other folders. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../runtime/until.ts";
import { dummyjsonText } from "../sources/samples.ts";
import { project } from "../stack/instance.ts";
import { type Checkout, openCheckout } from "./support/checkout.ts";
import { freePort } from "./support/free-port.ts";
import { namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";

const source = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(dummyjsonText) });
/** The environment of a new shell. */
const { USERS_SOURCE: _, RANDOMUSER_URL: __, CONFIG_FILE: ___, ...env } = process.env;
let checkout: Checkout;

beforeAll(async () => {
  checkout = openCheckout(`USERS_SOURCE=dummyjson\nDUMMYJSON_URL=${source.url.origin}/users\nFETCH_ATTEMPTS=3\n`);
  expect(await Bun.spawn([process.execPath, "tasks/build.ts"], { cwd: project }).exited).toBe(0);
});
afterAll(async () => {
  checkout.close();
  await source.stop(true);
});

test("a task in another folder uses the settings in .env once the shell has the stack's environment", async () => {
  const lines = 'eval "$(bun run --silent env)"; cd /; "$TASKS_BIN/fetch" --users 30 | head -1';
  const { stdout, stderr } = await checkout.run(lines, env);
  expect(JSON.parse(stdout || stderr)).toMatchObject({ source: "dummyjson", record: { firstName: "Emily" } });
});

test("the stack's environment has the settings in .env, the addresses and the path of config.yaml", async () => {
  const { stdout } = await checkout.run("bun run --silent env", env);
  for (const line of [
    "export USERS_SOURCE=dummyjson",
    `export DUMMYJSON_URL=${source.url.origin}/users`,
    "export FETCH_ATTEMPTS=3",
    `export CONFIG_FILE=${join(project, "config.yaml")}`,
    `export API_URL=${process.env.API_URL}`,
  ])
    expect(stdout.split("\n")).toContain(line);
});

test("the log of each long-running program begins with what a variable overrides in config.yaml", async () => {
  const folder = mkdtempSync(join(tmpdir(), "settings-"));
  const file = join(folder, "config.yaml");
  writeFileSync(file, "kafka: { brokers: ['kafka.example.com:9092'] }\napi: { bodyLimitBytes: 1000 }\n");
  const names = namesOf(import.meta.path);
  const [API_PORT, CONSUMER_PORT, SOURCE_PORT] = [freePort(), freePort(), freePort()].map(String);
  const variables = { ...names.env, CONFIG_FILE: file, API_PORT, CONSUMER_PORT, SOURCE_PORT } as Record<string, string>;
  const programs = ["api/main.ts", "consumer/main.ts", "sources/embedded/main.ts"].map((entry) => ({
    entry,
    program: startProgram(entry, [], variables),
  }));
  try {
    for (const { entry, program } of programs) {
      await until(`${entry} has logged something`, async () => (await program.output()).includes("\n"));
      expect((await program.output()).split("\n")[0]).toEndWith(
        `msg="variables override values in the file" file=${file} overridden="kafka.brokers (KAFKA_BROKERS)"`,
      );
    }
  } finally {
    for (const { program } of programs) program.signal("SIGTERM");
    await Promise.all(programs.map(({ program }) => program.exited));
    rmSync(folder, { recursive: true });
  }
});

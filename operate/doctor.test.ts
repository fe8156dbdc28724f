import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outcomeOf } from "../test/support/outcome.ts";
import { plainEnvironment } from "../test/support/plain-environment.ts";

const folder = mkdtempSync(join(tmpdir(), "doctor-command-"));
afterAll(() => rm(folder, { recursive: true }));

const main = join(import.meta.dir, "main.ts");

/** Runs doctor in a folder of its own, where no stack runs, on ports that nobody uses. */
const doctor = (args: string[], env: Record<string, string> = {}) =>
  outcomeOf(
    Bun.spawn([process.execPath, "--no-env-file", main, "doctor", ...args], {
      cwd: folder,
      env: { ...plainEnvironment(), STACK_DIR: join(folder, ".stack"), PORT_OFFSET: "21300", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );

test("where no stack runs that is said once, not for each service, and the exit code is 1", async () => {
  const { stdout, stderr, code } = await doctor([]);
  expect(code).toBe(1);
  expect(stderr).toBe("");
  expect(stdout).toStartWith(
    `error    the stack: it is not running (its folder: ${folder}/.stack). Start it with \`bun run up\`.\n`,
  );
  expect(stdout).not.toMatch(/Kafka|PostgreSQL/);
});

test("wrong settings and a misspelt variable are found, and the rest is looked at with what is right", async () => {
  const file = join(folder, "mistaken.yaml");
  writeFileSync(file, "kafka:\n  topci: orders\n  partitions: many\nportOffset: 21300\n");
  const { stdout, code } = await doctor(["--json"], { CONFIG_FILE: file, KAFAK_BROKERS: "b:1", PORT_OFFSET: "" });
  expect(code).toBe(1);
  const { findings } = JSON.parse(stdout);
  const settings = findings.filter(({ about }: { about: string }) => about === file || about === "the environment");
  expect(settings.map(({ severity, cause }: Record<string, string>) => `${severity}: ${cause}`)).toEqual([
    "error: kafka.partitions: Invalid input: expected number, received NaN",
    'error: kafka: Unrecognized key: "topci": did you mean kafka.topic?',
    "warning: KAFAK_BROKERS is not a setting: did you mean KAFKA_BROKERS?",
  ]);
  expect(findings.map(({ cause }: { cause: string }) => cause)).toContain(
    `it is not running (its folder: ${folder}/.stack)`,
  );
  expect(Object.keys(findings[0])).toEqual(["severity", "about", "cause", "cure"]);
});

test("a service that does not answer at an address of its own is named with the setting to correct", async () => {
  const elsewhere = {
    KAFKA_BROKERS: "127.0.0.1:21001",
    POSTGRES_URL: "postgres://users:hunter2@127.0.0.1:21002/users",
    CASSANDRA_CONTACT_POINTS: "127.0.0.1:21003",
    SCHEMA_REGISTRY_URL: "http://127.0.0.1:21004",
  };
  const { stdout, code } = await doctor([], elsewhere);
  expect(code).toBe(1);
  expect(stdout.trim().split("\n")).toEqual([
    expect.stringMatching(/^error +PostgreSQL: .*127\.0\.0\.1:21002.*POSTGRES_URL/),
    expect.stringMatching(/^error +Kafka: .*127\.0\.0\.1:21001/),
    expect.stringMatching(/^error +Cassandra: .*127\.0\.0\.1:21003.*CASSANDRA_CONTACT_POINTS/),
  ]);
  expect(stdout).not.toContain("hunter2");
});

test("a misspelt line of .env is named, without its value", async () => {
  writeFileSync(join(folder, ".env"), "API_TOKNE=0123456789abcdef\n");
  const { stdout } = await doctor([]);
  expect(stdout).toContain("warning  .env, line 1: API_TOKNE is not a setting: did you mean API_TOKEN?");
  expect(stdout).not.toContain("0123456789abcdef");
});

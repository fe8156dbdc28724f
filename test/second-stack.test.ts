import { afterAll, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "../runtime/postgres.ts";
import { allSettings, loadConfig } from "../sources/config.ts";
import { openInstance, project } from "../stack/instance.ts";
import { postgresFolder, prepareFolder, removePostgresFolder } from "../stack/services/postgres-files.ts";
import type { PostgresAlone } from "./support/postgres-alone.ts";

// Another clone with its own folder, whose config.yaml has the running stack's ports.
const clone = mkdtempSync(join(tmpdir(), "second-"));
const { ports } = loadConfig();
writeFileSync(join(clone, "config.yaml"), Bun.YAML.stringify({ ports }));
const settings = new Set(allSettings.map(({ env }) => env));
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.has(name))),
  CONFIG_FILE: join(clone, "config.yaml"),
  STACK_DIR: join(clone, "stack"),
};
let offset = "";

afterAll(async () => {
  removePostgresFolder(await openInstance(env));
  rmSync(clone, { recursive: true });
});

async function bunRun(command: string, more: Record<string, string> = {}, args: string[] = []) {
  const argv = [process.execPath, "--no-env-file", "stack/main.ts", command, ...args];
  const { stdout, stderr, exited } = Bun.spawn(argv, {
    cwd: project,
    env: { ...env, ...more },
    stdout: "pipe",
    stderr: "pipe",
  });
  return { stdout: await new Response(stdout).text(), stderr: await new Response(stderr).text(), code: await exited };
}

test("a stack whose ports another one holds names that stack and a free PORT_OFFSET, and starts nothing", async () => {
  const { stderr, code } = await bunRun("up");
  expect(code).toBe(1);
  const lines = stderr.trim().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain(`Another stack of this project is running in ${process.env.STACK_DIR} and uses ports `);
  for (const port of [ports.kafka, ports.cassandra, ports.airflow, ports.api]) expect(lines[0]).toContain(String(port));
  [, offset = ""] = lines[1]?.match(/PORT_OFFSET=(\d+)/) ?? [];
  expect(Number(offset)).toBeGreaterThan(0);
  expect(existsSync(join(env.STACK_DIR, "run", "supervisord.conf"))).toBe(false);
});

test("another Java 17 than the installed one can be chosen", async () => {
  const { stdout } = await bunRun("env", { JAVA17_HOME: "/usr/lib/jvm/java-17-openjdk-amd64" });
  expect(stdout).toContain("export JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64\n");
});

test("with that PORT_OFFSET every address of the second stack changes", async () => {
  const { stdout } = await bunRun("env", { PORT_OFFSET: offset });
  for (const [key, port] of Object.entries(ports)) {
    const name = allSettings.find(({ path }) => path.join(".") === `ports.${key}`)?.env;
    expect(stdout).toContain(`export ${name}=${port + Number(offset)}\n`);
  }
  expect(stdout).toContain(`export KAFKA_BROKERS=127.0.0.1:${ports.kafka + Number(offset)}\n`);
  for (const port of Object.values(ports)) expect(stdout).not.toMatch(new RegExp(`:${port}\\b`));
});

test("with that PORT_OFFSET the second stack's PostgreSQL runs beside the first's", async () => {
  const alone = Bun.spawn([process.execPath, "--no-env-file", "test/support/postgres-alone.ts"], {
    cwd: project,
    env: { ...env, PORT_OFFSET: offset },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const { value } = await alone.stdout.getReader().read();
  const { superuserUrl }: PostgresAlone = JSON.parse(new TextDecoder().decode(value));
  expect(Number(new URL(superuserUrl).port)).toBe(ports.postgres + Number(offset));
  for (const url of [superuserUrl, loadConfig().postgres.url]) {
    const sql = openPostgres(url, 1);
    expect((await sql`SELECT current_setting('port')::int AS port`)[0]?.port).toBe(Number(new URL(url).port));
    await sql.end({ timeout: 1 });
  }
  alone.stdin.end();
  expect(await alone.exited).toBe(0);
});

/** A folder with what the stack of this test run has made: its folders, empty, and its files. */
function copyOfStack(): string {
  const folder = join(clone, "copy");
  mkdirSync(folder);
  for (const entry of readdirSync(process.env.STACK_DIR!, { withFileTypes: true })) {
    const [from, to] = [join(process.env.STACK_DIR!, entry.name), join(folder, entry.name)];
    if (entry.isDirectory()) mkdirSync(to);
    else copyFileSync(from, to);
  }
  return folder;
}

test("reset deletes what a stack has made, no other file of its folder and nothing of the stack it is a copy of", async () => {
  const folder = copyOfStack();
  writeFileSync(join(folder, "notes.txt"), "mine\n");
  const copied = postgresFolder(await openInstance(process.env));
  const before = readdirSync(copied);
  if (process.getuid?.() === 0) {
    const copy = await openInstance({ ...env, STACK_DIR: folder });
    await expect(prepareFolder(copy)).rejects.toThrow(`is a copy of the stack in ${process.env.STACK_DIR}`);
  }
  expect(await bunRun("reset", { STACK_DIR: folder }, ["--yes"])).toMatchObject({ code: 0 });
  const ofTests = ["reports", "tests"];
  expect(readdirSync(folder).filter((name) => !ofTests.includes(name))).toEqual(["notes.txt"]);
  expect(readdirSync(copied)).toEqual(before);
});

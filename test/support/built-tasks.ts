import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../../contract/entity.ts";
import { userOf } from "../../contract/tables.ts";
import { openPostgres } from "../../runtime/postgres.ts";
import { serveSource } from "../../sources/embedded/serve.ts";
import { project } from "../../stack/instance.ts";
import { type Names, namesOf } from "./names.ts";

type Env = Record<string, string>;

/** The time of every run of `stages`. */
export const at = "2026-01-15T06:00:00.000Z";

/** The four tasks of a run of 500 users, from file to file. */
export const stages: [task: string, args: string[]][] = [
  ["fetch", ["--users", "500", "--seed", "run-1", "--output", "raw.jsonl"]],
  ["format", ["--input", "raw.jsonl", "--output", "users.jsonl", "--at", at]],
  ["backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]],
  ["produce", ["--input", "backup.jsonl", "--output", "produced.jsonl"]],
];

/** The built tasks on the real services, with a PostgreSQL schema and a topic of the test file's own. */
export function openBuiltTasks(file: string) {
  const names = namesOf(file);
  const database = openSchema(names);
  const source = serveSource({ host: "127.0.0.1", hosts: [], port: 0 });
  beforeAll(async () => {
    expect(await Bun.spawn([process.execPath, "tasks/build.ts"], { cwd: project }).exited).toBe(0);
  });
  afterAll(() => source.stop(true));

  const folder = openFolders();
  // Without the file, a task that succeeds logs nothing, not even which of its values the names above override.
  const { CONFIG_FILE: _, ...settings } = names.env;
  const env = {
    ...settings,
    POSTGRES_URL: database.postgresUrl,
    RANDOMUSER_URL: `${source.url.origin}/api/1.4/`,
  };
  const start = (task: string, args: string[], { stdin, more = {} }: { stdin?: ReadableStream; more?: Env } = {}) =>
    Bun.spawn([join(project, "dist/tasks", task), ...args], {
      cwd: folder.path(),
      env: { ...env, ...more },
      stdin: stdin ?? "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });

  return {
    names,
    ...database,
    ...folder,
    start,
    /** Runs one task from file to file; the counts are null if it fails. */
    async run(task: string, args: string[], more?: Env) {
      const started = start(task, args, { more });
      const [stdout, log, code] = await Promise.all([
        new Response(started.stdout).text(),
        new Response(started.stderr).text(),
        started.exited,
      ]);
      return { code, log, counts: stdout === "" ? null : JSON.parse(stdout.trimEnd().split("\n").at(-1)!) };
    },
    /** Settings that replace the test file's topic with another. */
    withTopic: (topic: string) => {
      const kafka = { ...names.config.kafka, topic };
      return { more: { KAFKA_TOPIC: topic }, config: { ...names.config, kafka }, topic };
    },
  };
}

/** The stack's database, with a schema of the test file's own on each connection. */
function openSchema({ config, keyspace: schema }: Names) {
  const postgresUrl = `${config.postgres.url}?search_path=${schema}`;
  const sql = openPostgres(postgresUrl);
  beforeAll(async () => void (await sql.unsafe(`CREATE SCHEMA ${schema}`)));
  afterAll(async () => {
    await sql.unsafe(`DROP SCHEMA ${schema} CASCADE`);
    await sql.end();
  });
  const rows = async () => {
    const all = await sql.unsafe(`SELECT * FROM ${table}`);
    return new Map(all.map((row) => [String(row.id), userOf(row)]));
  };
  return { postgresUrl, sql, rows };
}

/** An empty folder for each test. */
function openFolders() {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tasks-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const path = (name = "") => join(folder, name);
  return {
    path,
    files: () => readdirSync(folder),
    read: (name: string) => readFileSync(path(name), "utf8"),
    writeUsers: (name: string, users: readonly unknown[]) =>
      writeFileSync(path(name), users.map((user) => `${JSON.stringify(user)}\n`).join("")),
  };
}

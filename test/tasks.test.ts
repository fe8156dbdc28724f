import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { validUsers } from "../contract/samples.ts";
import { deletedTable, table, userOf } from "../contract/tables.ts";
import { valueSubject } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { avroSchema } from "../contract/wire.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { serveSource } from "../sources/embedded/serve.ts";
import { randomuserSecrets, randomuserText } from "../sources/samples.ts";
import { readTopic, readUsers } from "./support/kafka.ts";
import { openLink } from "./support/link.ts";
import { namesOf } from "./support/names.ts";
import { usersOf } from "./support/runs.ts";

const project = join(import.meta.dir, "..");
const names = namesOf(import.meta.path);
const schema = names.keyspace;
/** The same database, each connection in this file's own schema. */
const postgresUrl = `${names.config.postgres.url}?search_path=${schema}`;
const sql = openPostgres(postgresUrl);

const samples = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(randomuserText) });
const source = serveSource({ host: "127.0.0.1", hosts: [], port: 0 });
const env = { ...names.env, POSTGRES_URL: postgresUrl, RANDOMUSER_URL: `${source.url.origin}/api/1.4/` };
const at = "2026-01-15T06:00:00.000Z";

let folder: string;
beforeAll(async () => {
  await sql.unsafe(`CREATE SCHEMA ${schema}`);
  expect(await Bun.spawn([process.execPath, "tasks/build.ts"], { cwd: project }).exited).toBe(0);
}, 120_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tasks-"));
});
afterAll(async () => {
  await sql.unsafe(`DROP SCHEMA ${schema} CASCADE`);
  await sql.end();
  await Promise.all([samples.stop(true), source.stop(true)]);
});

type Env = Record<string, string>;
const start = (task: string, args: string[], { stdin, more = {} }: { stdin?: ReadableStream; more?: Env } = {}) =>
  Bun.spawn([join(project, "dist/tasks", task), ...args], {
    cwd: folder,
    env: { ...env, ...more },
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
/** Runs one task from file to file; the counts are null where it fails. */
const run = async (task: string, args: string[], more?: Env) => {
  const started = start(task, args, { more });
  const [stdout, log, code] = await Promise.all([
    new Response(started.stdout).text(),
    new Response(started.stderr).text(),
    started.exited,
  ]);
  return { code, log, counts: stdout === "" ? null : JSON.parse(stdout.trimEnd().split("\n").at(-1)!) };
};
const path = (name: string) => join(folder, name);
const read = (name: string) => readFileSync(path(name), "utf8");
const writeUsers = (name: string, users: readonly unknown[]) =>
  writeFileSync(path(name), users.map((user) => `${JSON.stringify(user)}\n`).join(""));
const rows = async () => {
  const all = await sql.unsafe(`SELECT * FROM ${table}`);
  return new Map(all.map((row) => [String(row.id), userOf(row)]));
};
const stages: [task: string, args: string[]][] = [
  ["fetch", ["--users", "500", "--seed", "run-1", "--output", "raw.jsonl"]],
  ["format", ["--input", "raw.jsonl", "--output", "users.jsonl", "--at", at]],
  ["backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]],
  ["produce", ["--input", "backup.jsonl", "--output", "produced.jsonl"]],
];
const withTopic = (topic: string) => {
  const kafka = { ...names.config.kafka, topic };
  return { more: { KAFKA_TOPIC: topic }, config: { ...names.config, kafka }, topic };
};

test("500 sample users pass all four tasks: the table and the topic hold exactly what format wrote", async () => {
  const logs: string[] = [];
  for (const [task, args] of stages) {
    const { code, counts, log } = await run(task, args, { RANDOMUSER_URL: `${samples.url.origin}/api/1.4/` });
    logs.push(log);
    expect([task, code, log]).toEqual([task, 0, ""]);
    expect(counts).toMatchObject({ read: 500, written: 500, rejected: 0 });
  }
  const users = usersOf(path("users.jsonl"));
  expect(users.size).toBe(500);
  expect(await rows()).toEqual(users);
  const records = await readTopic(names.config, names.topic);
  expect(records.map(({ key }) => key).sort()).toEqual([...users.keys()].sort());
  expect(await readUsers(names.config, names.topic)).toEqual(users);
  for (const file of ["backup.jsonl", "produced.jsonl"]) expect(read(file)).toBe(read("users.jsonl"));

  // No secret of the source is anywhere: in a file, a log, the table or the topic.
  const places = [...readdirSync(folder).map(read), ...logs, JSON.stringify([...(await rows()).values()])];
  places.push(Buffer.concat(records.map(({ value }) => value!)).toString("latin1"));
  for (const place of places) {
    expect(randomuserSecrets.filter((secret) => secret.length > 8 && place.includes(secret))).toEqual([]);
    expect(place).not.toMatch(/password|salt|md5|sha1|sha256/);
  }
});

test("a run that is run again writes the same bytes and changes no row, an edit made since included", async () => {
  for (const [task, args] of stages.slice(0, 3)) await run(task, args);
  const files = Object.fromEntries(readdirSync(folder).map((file) => [file, read(file)]));
  const [id] = usersOf(path("users.jsonl")).keys();
  await sql.unsafe(`UPDATE ${table} SET first_name = 'Edited', "timestamp" = $1 WHERE id = $2`, [
    "2026-01-15T07:00:00.000Z",
    id!,
  ]);
  const before = await sql.unsafe(`SELECT xmin, * FROM ${table} ORDER BY id`);

  for (const [task, args] of stages.slice(0, 3)) expect((await run(task, args)).code).toBe(0);
  expect(Object.fromEntries(readdirSync(folder).map((file) => [file, read(file)]))).toEqual(files);
  expect(await sql.unsafe(`SELECT xmin, * FROM ${table} ORDER BY id`)).toEqual(before);
  expect((await run(...stages[2]!)).counts).toMatchObject({ inserted: 0, updated: 0, unchanged: 500 });
});

test("producing to topics that were made right before leaves the log empty, though the brokers know no leader yet", async () => {
  writeUsers("backup.jsonl", validUsers);
  for (let topic = 0; topic < 10; topic++) {
    const { more } = withTopic(`${names.topic}_new_${topic}`);
    const { code, log } = await run("produce", ["--input", "backup.jsonl", "--output", "produced.jsonl"], more);
    expect([code, log]).toEqual([0, ""]);
  }
}, 60_000);

test("who was deleted stays deleted, whatever run brings him, until somebody inserts him by hand", async () => {
  for (const [task, args] of stages.slice(0, 3)) await run(task, args);
  const users = [...usersOf(path("users.jsonl")).values()] as [User, User, ...User[]];
  const [rachel, second] = users;
  await sql.unsafe(`DELETE FROM ${table} WHERE id = $1`, [rachel.id]);
  await sql.unsafe(`UPDATE ${table} SET id = $1 WHERE id = $2`, [crypto.randomUUID(), second.id]);

  const again = await run(...stages[2]!);
  expect([again.code, again.counts]).toMatchObject([
    0,
    { read: 500, written: 498, rejected: 0, inserted: 0, updated: 0, unchanged: 498, deleted: 2 },
  ]);
  expect([...usersOf(path("backup.jsonl")).keys()]).toEqual(users.slice(2).map(({ id }) => id));
  const stored = await rows();
  expect([stored.has(rachel.id), stored.has(second.id)]).toEqual([false, false]);

  const later = "2026-02-15T06:00:00.000Z";
  writeUsers("users.jsonl", [{ ...rachel, timestamp: later }]);
  expect((await run(...stages[2]!)).counts).toMatchObject({ read: 1, written: 0, deleted: 1 });

  await sql.unsafe(
    `INSERT INTO ${table} (id, first_name, last_name, email, username, "timestamp") VALUES ($1, 'R', 'K', 'r@k', 'rk', $2)`,
    [rachel.id, at],
  );
  expect((await run(...stages[2]!)).counts).toMatchObject({ read: 1, written: 1, updated: 1, deleted: 0 });
  expect((await rows()).get(rachel.id)).toEqual({ ...rachel, timestamp: later });
});

test("a table from before deletions were noted gets what notes them from the next backup", async () => {
  await sql.unsafe(`DROP TABLE ${deletedTable}; DROP FUNCTION ${deletedTable} CASCADE`);
  const user = { ...validUsers[0]!, id: "2a1c1d7e-2f0b-4c52-9d57-9c4b8a7f6e10" };
  writeUsers("users.jsonl", [user]);
  const args = ["--input", "users.jsonl", "--output", "backup.jsonl"];
  expect((await run("backup", args)).counts).toMatchObject({ inserted: 1, deleted: 0 });
  await sql.unsafe(`DELETE FROM ${table} WHERE id = '${user.id}'`);
  expect((await run("backup", args)).counts).toMatchObject({ inserted: 0, deleted: 1 });
});

test("a deletion that is not committed yet when backup comes to the row still counts", async () => {
  const user = { ...validUsers[0]!, id: "2a1c1d7e-2f0b-4c52-9d57-9c4b8a7f6e09" };
  writeUsers("users.jsonl", [user]);
  await run("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]);
  const deletion = await sql.reserve();
  const [{ pid }] = await deletion.unsafe<[{ pid: number }]>("SELECT pg_backend_pid() AS pid");
  await deletion.unsafe(`BEGIN; DELETE FROM ${table} WHERE id = '${user.id}'`);

  const backup = start("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]);
  const waiting = `SELECT FROM pg_stat_activity WHERE ${pid} = ANY(pg_blocking_pids(pid))`;
  await until("backup waits for the row", async () => (await sql.unsafe(waiting)).length > 0);
  await deletion.unsafe("COMMIT");
  deletion.release();
  expect(await backup.exited).toBe(0);
  expect(JSON.parse(await new Response(backup.stdout).text())).toMatchObject({ written: 0, deleted: 1 });
  expect((await rows()).has(user.id)).toBe(false);
});

test("the longest values, all scripts, quotes, nulls and times of every age reach table and topic unharmed", async () => {
  const { more, config, topic } = withTopic(`${names.topic}_samples`);
  writeUsers("users.jsonl", validUsers);
  expect((await run("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"])).counts).toMatchObject({
    written: 4,
  });
  expect((await run("produce", ["--input", "backup.jsonl", "--output", "produced.jsonl"], more)).code).toBe(0);
  const stored = await rows();
  for (const user of validUsers) expect(stored.get(user.id)).toEqual(user);
  const sent = new Map(validUsers.map((user) => [user.id, user]));
  const records = await readTopic(config, topic);
  expect(await readUsers(config, topic)).toEqual(sent);

  // What another implementation of Avro reads.
  const reader = Bun.spawn(
    [
      process.env.PYTHON!,
      join(import.meta.dir, "support/read_avro.py"),
      join(project, "contract/generated/users_created.avsc"),
      String(records[0]!.value!.readUInt32BE(1)),
    ],
    { stdin: new Blob([records.map(({ value }) => `${value!.toString("hex")}\n`).join("")]), stderr: "inherit" },
  );
  const readBack = (await new Response(reader.stdout).text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as User);
  expect(new Map(readBack.map((user) => [user.id, user]))).toEqual(sent);
});

test("of the same id twice the newest is stored, whichever comes first", async () => {
  const user = { ...validUsers[0]!, id: "2a1c1d7e-2f0b-4c52-9d57-9c4b8a7f6e01" };
  const newer = { ...user, first_name: "Newer", timestamp: "2026-01-15T06:00:00.001Z" };
  writeUsers("users.jsonl", [newer, user]);
  const { counts } = await run("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]);
  expect(counts).toMatchObject({ read: 2, written: 2, inserted: 1, unchanged: 1 });
  expect((await rows()).get(user.id)).toEqual(newer);
});

test("lines that are no user and rows that PostgreSQL refuses are rejected with the reason, and all others stored", async () => {
  const [rachel, ...others] = validUsers as [User, ...User[]];
  // PostgreSQL's calendar has no year 0.
  const refused = { ...rachel, id: "2a1c1d7e-2f0b-4c52-9d57-9c4b8a7f6e02", dob: "0000-01-01T00:00:00.000Z" };
  writeUsers("users.jsonl", [rachel, { ...rachel, password: "disney1" }, refused, ...others]);
  const { code, counts } = await run("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]);
  expect([code, counts]).toMatchObject([0, { read: 6, written: 4, rejected: 2 }]);
  expect(usersOf(path("backup.jsonl"))).toEqual(new Map(validUsers.map((user) => [user.id, user])));
  const rejects = read("backup.rejects.jsonl")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rejects).toEqual([
    { reason: 'Unrecognized key: "password"', line: 2, original: rachel },
    { reason: expect.stringContaining("PostgreSQL refuses it: "), line: 3, original: refused },
  ]);
  expect((await rows()).has(refused.id)).toBe(false);
});

test("users of another contract end backup and produce with exit code 2: none goes on, and each is among the rejects", async () => {
  const { more, config, topic } = withTopic(`${names.topic}_another_contract`);
  const strangers = Array.from({ length: 20 }, (_, index) => ({ user_id: index, full_name: "Rachel Kelley" }));
  writeUsers("users.jsonl", strangers);
  for (const task of ["backup", "produce"]) {
    const { code, counts, log } = await run(task, ["--input", "users.jsonl", "--output", `${task}.jsonl`], more);
    expect([task, code, counts]).toMatchObject([task, 2, { read: 20, written: 0, rejected: 20 }]);
    expect(log).toContain(`${task}.rejects.jsonl`);
    expect(read(`${task}.rejects.jsonl`).trim().split("\n")).toHaveLength(20);
    expect(existsSync(path(`${task}.jsonl`))).toBe(false);
  }
  expect(await readTopic(config, topic)).toEqual([]);
});

test("backup waits for a PostgreSQL that is away, and goes on when it is back", async () => {
  const { hostname, port } = new URL(postgresUrl);
  const link = await openLink(hostname, Number(port || 5432));
  const url = new URL(postgresUrl);
  url.host = `127.0.0.1:${link.port}`;
  await link.cut();
  writeUsers("users.jsonl", validUsers);
  const backup = start("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"], {
    more: { POSTGRES_URL: url.href },
  });
  const log = backup.stderr.getReader();
  expect(new TextDecoder().decode((await log.read()).value)).toContain("msg=retrying");
  await link.restore();
  expect(await backup.exited).toBe(0);
  expect(usersOf(path("backup.jsonl")).size).toBe(4);
  await link.cut();
});

test("PostgreSQL that refuses the login ends with exit code 2", async () => {
  const url = new URL(postgresUrl);
  url.password = "wrong";
  writeUsers("users.jsonl", validUsers);
  const { code, log } = await run("backup", ["--input", "users.jsonl", "--output", "b.jsonl"], {
    POSTGRES_URL: url.href,
  });
  expect(code).toBe(2);
  expect(log).toContain("POSTGRES_URL");
  expect(existsSync(path("b.jsonl"))).toBe(false);
});

test("a schema that breaks with a registered one ends with exit code 2 before a byte is produced", async () => {
  const { more, config, topic } = withTopic(`${names.topic}_breaking`);
  const number = { type: "record", name: "User", namespace: "user_automation", fields: [{ name: "id", type: "int" }] };
  await openRegistry(config.schemaRegistry.url).register(valueSubject(topic), number);
  writeUsers("users.jsonl", validUsers);
  const { code, log } = await run("produce", ["--input", "users.jsonl", "--output", "produced.jsonl"], more);
  expect(code).toBe(2);
  expect(log).toContain(valueSubject(topic));
  expect(await readTopic(config, topic)).toEqual([]);
  expect(existsSync(path("produced.jsonl"))).toBe(false);
});

test("programs that register one new schema at once all get its id", async () => {
  const { config, topic } = withTopic(`${names.topic}_at_once`);
  const register = () => openRegistry(config.schemaRegistry.url).register(valueSubject(topic), avroSchema);
  const ids = await Promise.all(Array.from({ length: 8 }, register));
  expect(ids.every((id) => id > 0 && id === ids[0])).toBe(true);
}, 30_000);

test("Kafka or a registry that is away ends with exit code 1, and nothing counts as produced", async () => {
  writeUsers("users.jsonl", validUsers);
  const produce = ["--input", "users.jsonl", "--output", "produced.jsonl"];
  for (const away of [{ KAFKA_BROKERS: "127.0.0.1:1" }, { SCHEMA_REGISTRY_URL: "http://127.0.0.1:1" }] as Env[]) {
    const { code, counts } = await run("produce", produce, away);
    expect([code, counts]).toEqual([1, null]);
    expect(existsSync(path("produced.jsonl"))).toBe(false);
  }
});

test("a stream of four stages passes users on as they come, and all arrive", async () => {
  const { more, config, topic } = withTopic(`${names.topic}_stream`);
  const fetch = start("fetch", ["--every", "200ms", "--users", "3", "--seed", "stream"]);
  const format = start("format", [], { stdin: fetch.stdout });
  const backup = start("backup", [], { stdin: format.stdout });
  const produce = start("produce", [], { stdin: backup.stdout, more });
  const reader = produce.stdout.getReader();
  let passed = "";
  await until("a user came out at the end", async () => {
    passed += new TextDecoder().decode((await reader.read()).value);
    return passed.includes("\n");
  });
  expect(fetch.exitCode).toBeNull();
  fetch.kill("SIGINT");
  for (let next = await reader.read(); !next.done; next = await reader.read())
    passed += new TextDecoder().decode(next.value);
  expect(await Promise.all([fetch, format, backup, produce].map(({ exited }) => exited))).toEqual([0, 0, 0, 0]);

  const counts = JSON.parse((await new Response(fetch.stderr).text()).trimEnd().split("\n").at(-1)!);
  const users = await readUsers(config, topic);
  expect(users.size).toBe(counts.written);
  expect(passed.trimEnd().split("\n")).toHaveLength(counts.written);
  const stored = await rows();
  for (const [id, user] of users) expect(stored.get(id)).toEqual(user);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

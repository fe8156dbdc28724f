import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { table } from "../contract/entity.ts";
import { validUsers } from "../contract/samples.ts";
import type { User } from "../contract/user.ts";
import { until } from "../runtime/until.ts";
import { randomuserSecrets, randomuserText } from "../sources/samples.ts";
import { project } from "../stack/instance.ts";
import { openBuiltTasks, stages } from "./support/built-tasks.ts";
import { readTopic, readUsers } from "./support/kafka.ts";
import { usersOf } from "./support/runs.ts";

const { names, sql, path, files, read, writeUsers, rows, run, start, withTopic } = openBuiltTasks(import.meta.path);

const samples = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(randomuserText) });
afterAll(() => samples.stop(true));

test("500 sample users pass through all four tasks: the table and the topic contain exactly the output of format", async () => {
  const logs: string[] = [];
  for (const [task, args] of stages) {
    const { code, counts, log } = await run(task, args, { RANDOMUSER_URL: `${samples.url.origin}/api/1.4/` });
    logs.push(log);
    // backup creates the table, since this file's schema has none yet.
    const logged = task === "backup" ? /^[^\n]*msg="schema changed"[^\n]*\n$/ : /^$/;
    expect([task, code, log]).toEqual([task, 0, expect.stringMatching(logged)]);
    expect(counts).toMatchObject({ read: 500, written: 500, rejected: 0 });
  }
  const users = usersOf(path("users.jsonl"));
  expect(users.size).toBe(500);
  expect(await rows()).toEqual(users);
  const records = await readTopic(names.config, names.topic);
  expect(records.map(({ key }) => key).sort()).toEqual([...users.keys()].sort());
  expect(await readUsers(names.config, names.topic)).toEqual(users);
  for (const file of ["backup.jsonl", "produced.jsonl"]) expect(read(file)).toBe(read("users.jsonl"));

  // No secret of the source is in any file, log, table or topic.
  const places = [...files().map(read), ...logs, JSON.stringify([...(await rows()).values()])];
  places.push(Buffer.concat(records.map(({ value }) => value!)).toString("latin1"));
  for (const place of places) {
    expect(randomuserSecrets.filter((secret) => secret.length > 8 && place.includes(secret))).toEqual([]);
    expect(place).not.toMatch(/password|salt|md5|sha1|sha256/);
  }
});

test("rerunning a run writes the same bytes and changes no row, not even one edited since", async () => {
  for (const [task, args] of stages.slice(0, 3)) await run(task, args);
  const filesBefore = Object.fromEntries(files().map((file) => [file, read(file)]));
  const [id] = usersOf(path("users.jsonl")).keys();
  await sql.unsafe(`UPDATE ${table} SET first_name = 'Edited', "timestamp" = $1 WHERE id = $2`, [
    "2026-01-15T07:00:00.000Z",
    id!,
  ]);
  const rowsBefore = await sql.unsafe(`SELECT xmin, * FROM ${table} ORDER BY id`);

  for (const [task, args] of stages.slice(0, 3)) expect((await run(task, args)).code).toBe(0);
  expect(Object.fromEntries(files().map((file) => [file, read(file)]))).toEqual(filesBefore);
  expect(await sql.unsafe(`SELECT xmin, * FROM ${table} ORDER BY id`)).toEqual(rowsBefore);
  expect((await run(...stages[2]!)).counts).toMatchObject({ inserted: 0, updated: 0, unchanged: 500 });
});

test("the longest values, all scripts, quotes, nulls and times of every age reach the table and the topic unchanged", async () => {
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

  // The same records, read by another implementation of Avro.
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

test("users that do not match the contract end backup and produce with exit code 2; none is written, and each is among the rejects", async () => {
  const { more, config, topic } = withTopic(`${names.topic}_another_contract`);
  const mismatched = Array.from({ length: 20 }, (_, index) => ({ user_id: index, full_name: "Rachel Kelley" }));
  writeUsers("users.jsonl", mismatched);
  for (const task of ["backup", "produce"]) {
    const { code, counts, log } = await run(task, ["--input", "users.jsonl", "--output", `${task}.jsonl`], more);
    expect([task, code, counts]).toMatchObject([task, 2, { read: 20, written: 0, rejected: 20 }]);
    expect(log).toContain(`${task}.rejects.jsonl`);
    expect(read(`${task}.rejects.jsonl`).trim().split("\n")).toHaveLength(20);
    expect(existsSync(path(`${task}.jsonl`))).toBe(false);
  }
  expect(await readTopic(config, topic)).toEqual([]);
});

test("a pipe of four streaming tasks passes users on as they arrive, and none is lost", async () => {
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

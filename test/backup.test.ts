import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { table } from "../contract/entity.ts";
import { hashOfId } from "../contract/forgotten.ts";
import { validUsers } from "../contract/samples.ts";
import { deletedTable, forgottenTable } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { until } from "../runtime/until.ts";
import { at, openBuiltTasks, stages } from "./support/built-tasks.ts";
import { openLink } from "./support/link.ts";
import { usersOf } from "./support/runs.ts";

const { sql, postgresUrl, path, read, writeUsers, rows, run, start } = openBuiltTasks(import.meta.path);

test("a deleted user stays deleted in every later run, until inserted by hand", async () => {
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

test("a forgotten user is neither stored nor passed on, and counted apart from deleted ones", async () => {
  const [user, other] = [validUsers[0]!, validUsers[1]!].map((each) => ({ ...each, id: crypto.randomUUID() }));
  writeUsers("users.jsonl", [user, other]);
  const args = ["--input", "users.jsonl", "--output", "backup.jsonl"];
  expect((await run("backup", args)).counts).toMatchObject({ inserted: 2, forgotten: 0 });
  await sql.unsafe(`INSERT INTO ${forgottenTable} VALUES (decode($1, 'hex'), now())`, [hashOfId(user!.id)]);
  await sql.unsafe(`DELETE FROM ${table} WHERE id = $1`, [user!.id]);
  const { code, counts } = await run("backup", args);
  expect([code, counts]).toMatchObject([0, { read: 2, written: 1, unchanged: 1, deleted: 0, forgotten: 1 }]);
  expect([...usersOf(path("backup.jsonl")).keys()]).toEqual([other!.id]);
  expect((await rows()).has(user!.id)).toBe(false);
});

test("backup adds the tracking of deletions to a table that predates it", async () => {
  await sql.unsafe(`DROP TABLE ${deletedTable}; DROP FUNCTION ${deletedTable} CASCADE`);
  const user = { ...validUsers[0]!, id: "2a1c1d7e-2f0b-4c52-9d57-9c4b8a7f6e10" };
  writeUsers("users.jsonl", [user]);
  const args = ["--input", "users.jsonl", "--output", "backup.jsonl"];
  expect((await run("backup", args)).counts).toMatchObject({ inserted: 1, deleted: 0 });
  await sql.unsafe(`DELETE FROM ${table} WHERE id = '${user.id}'`);
  expect((await run("backup", args)).counts).toMatchObject({ inserted: 0, deleted: 1 });
});

test("a deletion still uncommitted when backup reaches the row is respected", async () => {
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

test("of two records with the same id the newest is stored, in either order", async () => {
  const user = { ...validUsers[0]!, id: "2a1c1d7e-2f0b-4c52-9d57-9c4b8a7f6e01" };
  const newer = { ...user, first_name: "Newer", timestamp: "2026-01-15T06:00:00.001Z" };
  writeUsers("users.jsonl", [newer, user]);
  const { counts } = await run("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]);
  expect(counts).toMatchObject({ read: 2, written: 2, inserted: 1, unchanged: 1 });
  expect((await rows()).get(user.id)).toEqual(newer);
});

test("invalid lines and rows refused by PostgreSQL are rejected with the reason, and all others are stored", async () => {
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
    { reason: expect.stringContaining("PostgreSQL rejected it: "), line: 3, original: refused },
  ]);
  expect((await rows()).has(refused.id)).toBe(false);
});

test("backup waits while PostgreSQL is down, and continues once it is back", async () => {
  const { hostname, port } = new URL(postgresUrl);
  const link = await openLink(hostname, Number(port || 5432));
  const url = new URL(postgresUrl);
  url.host = `127.0.0.1:${link.port}`;
  await link.cut();
  writeUsers("users.jsonl", validUsers);
  const backup = start("backup", ["--input", "users.jsonl", "--output", "backup.jsonl"], {
    more: { POSTGRES_URL: url.href, LOG_LEVEL: "warning" },
  });
  const log = backup.stderr.getReader();
  expect(new TextDecoder().decode((await log.read()).value)).toContain("msg=retrying");
  await link.restore();
  expect(await backup.exited).toBe(0);
  expect(usersOf(path("backup.jsonl")).size).toBe(4);
  await link.cut();
});

test("a login refused by PostgreSQL ends backup with exit code 2", async () => {
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

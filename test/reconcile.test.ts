import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idField, table, timeField } from "../contract/entity.ts";
import { changeable } from "../contract/samples.ts";
import { columnArrays, createSql, rowOf, upsertCql, upsertSql, writeTimeOf } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { encode } from "../contract/wire.ts";
import { migrateCassandra } from "../operations/migrate.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { startApi } from "./support/api.ts";
import { openCapture } from "./support/capture.ts";
import { dropKeyspace, readRows, readWriteTimes, withCassandra } from "./support/cassandra.ts";
import { envelope, row } from "./support/change-events.ts";
import { lagOf } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";
import { outcomeOf } from "./support/outcome.ts";
import { everythingArrived, startWrites } from "./support/writes.ts";

setDefaultTimeout(900_000);

const names = namesOf(import.meta.path, { KAFKA_PARTITIONS: "1" });
const { config, keyspace, groupId, topic } = names;
const url = `${config.postgres.url}?search_path=${keyspace}`;
const sql = openPostgres(url, 4);
const env = { ...names.env, POSTGRES_URL: url, RUNS_DIR: mkdtempSync(join(tmpdir(), "reconcile-runs-")) };
const admin = openKafka(config, "test", openLog("test", "error")).admin();
const { text } = changeable;

afterAll(async () => {
  rmSync(env.RUNS_DIR, { recursive: true });
  await sql.unsafe(`DROP SCHEMA IF EXISTS ${keyspace} CASCADE`);
  await Promise.all([sql.end(), admin.disconnect(), dropKeyspace(config)]);
});

interface Finding {
  id: string;
  verdict: string;
  cause: string;
  fields: { field: string; expected: unknown; found: unknown }[];
}

async function reconcile(args: string[] = [], environment = env) {
  const command = Bun.spawn([process.execPath, "operate/main.ts", "reconcile", "--json", "--all", ...args], {
    env: environment,
    cwd: `${import.meta.dir}/..`,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { code, stdout, stderr } = await outcomeOf(command);
  if (code === 2) throw new Error(`${stdout}${stderr}`);
  const report = JSON.parse(stdout) as {
    users: number;
    counts: Record<string, number>;
    findings: Finding[];
    repairs?: { id: string; action: string }[];
  };
  return { code, ...report, found: Object.fromEntries(report.findings.map(({ id, ...finding }) => [id, finding])) };
}
const cql = (query: string, params: unknown[]) =>
  withCassandra(config, (client) => client.execute(query, params, { prepare: true }));
const applied = () => until("every record is applied", async () => (await lagOf(config, groupId, topic)) === 0);
/** Writes a run's files; a run that has ended has all three. */
function writeRun(name: string, users: User[], hasEnded: boolean, rejected: User[] = []) {
  const folder = join(env.RUNS_DIR, name);
  const write = (file: string, lines: unknown[]) =>
    writeFileSync(join(folder, file), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  mkdirSync(folder);
  write("users.jsonl", [...users, ...rejected]);
  write(
    "backed-up.rejects.jsonl",
    rejected.map((original, index) => ({ reason: "refused", line: index + 1, original })),
  );
  write("backed-up.jsonl", users);
  if (hasEnded) write("produced.jsonl", users);
}
const later = (user: User, seconds: number, changes: Partial<User> = {}): User => ({
  ...user,
  ...changes,
  [timeField]: new Date(Date.parse(user[timeField]) + seconds * 1_000).toISOString(),
});

test("each planted fault is named, and nothing else is", async () => {
  await admin.connect();
  await sql.unsafe(`CREATE SCHEMA ${keyspace}`);
  await sql.unsafe(createSql);
  const recorder = await openRecorder(names);
  const send = (...users: User[]) =>
    recorder.sendRecords(users.map((user) => ({ key: user.id, value: encode(user, recorder.schemaId), user })));
  const consumer = startConsumer(names);
  const users = Array.from({ length: 60 }, newUser);
  await sql.unsafe(upsertSql, columnArrays(users) as never);
  await send(...users);
  await applied();
  expect(await reconcile()).toMatchObject({ code: 0, users: 60, counts: { equal: 60 }, findings: [] });

  const [deleted, newer, older, untouched, reverted] = users as [User, User, User, User, User];
  // A dead letter, of a user who is otherwise unknown, and one that a later record has superseded.
  const invalid: User = { ...newUser(), [text]: "" };
  const corrected = { ...newUser(), [text]: "" };
  await send(invalid, corrected, later(corrected, 1, { [text]: "Corrected" }));
  await applied();
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);

  // Records that the group skips: a new user, and a change.
  const [skipped, late] = [newUser(), newUser()];
  const change = later(older, 60, { [text]: "Changed" });
  await send(skipped, change);
  const high = (await admin.fetchTopicOffsets(topic))[0]!.high;
  await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: high }] });
  await send(late);

  const update = `UPDATE ${keyspace}.${table} USING TIMESTAMP ? SET ${text} = ? WHERE id = ?`;
  await cql(`DELETE FROM ${keyspace}.${table} WHERE id = ?`, [deleted.id]);
  await cql(update, [Date.now() * 1_000, "Newer", newer.id]);
  await cql(update, [writeTimeOf(older) + 30_000_000, "Older", older.id]);
  await cql(update, [writeTimeOf(untouched) - 1, "Without effect", untouched.id]);
  await cql(update, [writeTimeOf(reverted), "~ greater at the same time", reverted.id]);
  const unknown = newUser();
  await cql(upsertCql(keyspace), [...rowOf(unknown), writeTimeOf(unknown)]);
  const neverArrived = newUser();
  await sql.unsafe(upsertSql, columnArrays([neverArrived]) as never);

  // Of the run manual__2026-01-15T06:00:00+00:00, one user is in no topic, and one was rejected; another run goes on.
  const [ofRun, rejected, ofRunning] = [newUser(), newUser(), newUser()];
  writeRun("manual__2026-01-15T06_00_00_00_00-62ee1ad1", [users[10]!, ofRun], true, [rejected]);
  writeRun("running", [ofRunning], false);

  const report = await reconcile();
  const value = (expected: string, found: string) => [{ field: text, expected, found }];
  expect(report.found).toMatchObject({
    [deleted.id]: { verdict: "lost", cause: "no row in Cassandra" },
    [skipped.id]: { verdict: "lost", cause: "no row in Cassandra" },
    [neverArrived.id]: { verdict: "lost", cause: "newer row in PostgreSQL" },
    [ofRun.id]: { verdict: "lost", cause: "user of a run" },
    [newer.id]: { verdict: "different", cause: "newer row in Cassandra", fields: value(newer[text], "Newer") },
    [older.id]: {
      verdict: "different",
      cause: "older row in Cassandra",
      fields: expect.arrayContaining(value("Changed", "Older")),
    },
    [reverted.id]: {
      verdict: "different",
      cause: "other row in Cassandra",
      fields: value(reverted[text], "~ greater at the same time"),
    },
    [unknown.id]: { verdict: "extra", cause: "row in Cassandra without a record" },
    [invalid.id]: { verdict: "dead-lettered", cause: "dead letter" },
  });
  expect(report).toMatchObject({
    code: 1,
    counts: { lost: 4, different: 3, extra: 1, "dead-lettered": 1, late: 2, unjudged: 0, equal: 57 },
    users: 68,
  });
  expect(Object.keys(report.found)).toHaveLength(9);

  const run = await reconcile(["--run", "manual__2026-01-15T06:00:00+00:00"]);
  expect(run).toMatchObject({ code: 1, users: 2, counts: { equal: 1, lost: 1 } });
  expect(Object.keys(run.found)).toEqual([ofRun.id]);
  const two = await reconcile(["--user", skipped.id.toUpperCase(), "--user", users[20]!.id, "--repair"]);
  expect(two).toMatchObject({
    code: 1,
    users: 2,
    counts: { equal: 1, lost: 1 },
    repairs: [{ action: "record again" }],
  });
  expect(two.findings).toMatchObject([{ id: skipped.id, repair: { action: "record again" } }]);
  const since = await reconcile(["--since", new Date(Date.now() + 60_000).toISOString()]);
  expect(since).toMatchObject({ code: 0, users: 0, findings: [] });
  // What is in no topic has the samples' times, which are older.
  const recent = await reconcile(["--since", "1h"]);
  expect(recent.counts).toEqual({ ...report.counts, lost: 3, extra: 0 });
  const withoutLog = await reconcile([], Object.assign({}, env, { API_LOG: "false" }));
  expect(withoutLog.counts).toEqual({ ...report.counts, lost: 2, different: 2, extra: 0, unjudged: 4 });

  // A dry run says what it would send, and sends nothing.
  const planned = await reconcile(["--repair"]);
  const [again, row] = ["record again", "row as a record"];
  const actions = ({ repairs = [] }: typeof planned) =>
    Object.fromEntries(repairs.map(({ id, action }) => [id, action]));
  expect(actions(planned)).toEqual({
    [deleted.id]: again,
    [skipped.id]: again,
    [older.id]: again,
    [reverted.id]: again,
    [neverArrived.id]: row,
    [ofRun.id]: row,
    [newer.id]: "none",
    [unknown.id]: "none",
    [invalid.id]: "none",
  });
  expect((await admin.fetchTopicOffsets(topic))[0]!.high).toBe(String(BigInt(high) + 1n));

  const restarted = startConsumer(names);
  const repaired = await reconcile(["--repair", "--yes"]);
  expect(actions(repaired)).toEqual({ ...actions(planned), [deleted.id]: "new edit", [reverted.id]: "new edit" });
  const left = await reconcile();
  expect(Object.keys(left.found).sort()).toEqual([newer.id, unknown.id, invalid.id].sort());
  expect(left).toMatchObject({ counts: { lost: 0, different: 1, extra: 1, "dead-lettered": 1, late: 1, equal: 64 } });
  // At their own times, as they were; a new edit has a time of its own.
  const [rows, times] = [await readRows(config), await readWriteTimes(config)];
  for (const user of [skipped, change, neverArrived, ofRun]) {
    expect(rows.get(user.id)).toEqual(user);
    expect(times.get(user.id)?.[text]).toBe(String(writeTimeOf(user)));
  }
  for (const user of [deleted, reverted])
    expect(rows.get(user.id)).toEqual({ ...user, [timeField]: expect.any(String) as unknown as string });
  expect(rows.get(newer.id)?.[text]).toBe("Newer");
  restarted.signal("SIGTERM");
  await Promise.all([restarted.exited, recorder.close()]);
});

test("changes in PostgreSQL are late while the slot is behind, lost once it is gone, and a stream of writes is no fault", async () => {
  const capture = await openCapture(import.meta.path, { KAFKA_PARTITIONS: "2" });
  const environment = { ...capture.env, POSTGRES_URL: capture.url, RUNS_DIR: `${env.RUNS_DIR}/none` };
  const look = () => reconcile([], environment);
  const recorder = await openRecorder(capture);
  const consumer = startConsumer(capture);
  await capture.connector.register();
  const insert = (users: User[]) => capture.sql.unsafe(upsertSql, columnArrays(users) as never);
  const users = Array.from({ length: 40 }, newUser);
  await insert(users);
  await capture.agree();

  // The pipeline, statements in PostgreSQL and edits through the API, all at once.
  const api = await startApi(capture.env);
  const writes = startWrites({ capture, recorder, apiUrl: api.url, perSecond: 100 });
  await until("every writer has written", () => Object.values(writes.accepted).every((count) => count > 0));
  for (let run = 0; run < 2; run++) {
    const report = await look();
    expect(report).toMatchObject({ code: 0, findings: [] });
    expect(report.users).toBeGreaterThan(40);
  }
  await writes.stop();
  api.signal("SIGTERM");
  await Promise.all([api.exited, everythingArrived(capture)]);
  expect(await look()).toMatchObject({ code: 0, counts: { late: 0 }, findings: [] });

  await capture.connector.put("stop");
  const [edited, removed] = users.slice(20) as [User, User];
  const [fresh] = [newUser()];
  await insert([fresh]);
  await capture.sql`UPDATE ${capture.sql(table)} SET ${capture.sql(text)} = 'Edited' WHERE id = ${edited.id}`;
  await capture.sql`DELETE FROM ${capture.sql(table)} WHERE id = ${removed.id}`;
  const behind = await look();
  expect(behind).toMatchObject({ code: 0, counts: { late: 3 }, findings: [] });

  // Without the slot these changes never arrive.
  await capture.sql`SELECT pg_drop_replication_slot(${capture.slot})`.catch(
    () => capture.superuser`SELECT pg_drop_replication_slot(${capture.slot})`,
  );
  const gone = await look();
  expect(gone).toMatchObject({
    code: 1,
    counts: { lost: 2, different: 1, late: 0 },
    found: {
      [fresh.id]: { verdict: "lost", cause: "newer row in PostgreSQL" },
      [edited.id]: { verdict: "lost", cause: "newer row in PostgreSQL" },
      [removed.id]: { verdict: "different", cause: "deletion in PostgreSQL" },
    },
  });
  consumer.signal("SIGTERM");
  await Promise.all([consumer.exited, recorder.close()]);
  await capture.close();
});

test("a row that changes in PostgreSQL while it is looked at is late", async () => {
  const own = namesOf(import.meta.path, { KAFKA_PARTITIONS: "1" });
  const environment = {
    ...own.env,
    POSTGRES_URL: `${own.config.postgres.url}?search_path=${own.keyspace}`,
    RUNS_DIR: `${env.RUNS_DIR}/none`,
  };
  const ownSql = openPostgres(environment.POSTGRES_URL, 1);
  await ownSql.unsafe(`CREATE SCHEMA ${own.keyspace}`);
  await ownSql.unsafe(createSql);
  await withCassandra(own.config, (client) => migrateCassandra(client, own.config, { apply: true }));
  const recorder = await openRecorder(own); // creates the topics
  const producer = openKafka(own.config, "test", openLog("test", "error")).producer();
  await producer.connect();

  // Never captured, so that the slot is waited for.
  const lost = newUser();
  await ownSql.unsafe(upsertSql, columnArrays([lost]) as never);
  // Each change of this one is captured at once.
  const user = newUser();
  let changes = 0;
  const change = async () => {
    const changed = { ...user, [text]: `${++changes}`, [timeField]: new Date().toISOString() };
    await ownSql.unsafe(upsertSql, columnArrays([changed]) as never);
    const micros = Date.now() * 1_000;
    const event = envelope({ op: "u", after: row(changed), micros, lsn: micros });
    await producer.send({
      topic: own.config.kafka.changeTopic,
      messages: [{ key: JSON.stringify({ [idField]: user[idField] }), value: JSON.stringify(event) }],
    });
  };
  await change();
  const stop = new AbortController();
  const changing = (async () => {
    while (!stop.signal.aborted) await change();
  })();
  const report = await reconcile([], environment);
  stop.abort();
  await changing;
  expect(report).toMatchObject({ users: 2, counts: { lost: 1, late: 1 } });
  expect(report.found).toMatchObject({ [lost.id]: { verdict: "lost", cause: "newer row in PostgreSQL" } });
  expect(changes).toBeGreaterThan(10);
  await Promise.all([ownSql.unsafe(`DROP SCHEMA ${own.keyspace} CASCADE`), dropKeyspace(own.config)]);
  await Promise.all([ownSql.end(), producer.disconnect(), recorder.close()]);
});

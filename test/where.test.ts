import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namingFields, settledTopicOf, table, valueSubject } from "../contract/entity.ts";
import { changeable } from "../contract/samples.ts";
import { columnArrays, upsertSql, writeTimeOf } from "../contract/tables.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { editSchema, encodeEdit } from "../contract/user-edits.ts";
import { encode } from "../contract/wire.ts";
import type { Report } from "../operations/where/where.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows, withCassandra } from "./support/cassandra.ts";
import { envelope, row } from "./support/change-events.ts";
import { namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";
import { usersOf } from "./support/runs.ts";

const runs = mkdtempSync(join(tmpdir(), "where-"));
const names = namesOf(import.meta.path, { RUNS_DIR: runs });
const { config, keyspace, topic, groupId, deadLetterTopic } = names;
const { changeTopic, editTopic } = config.kafka;
const url = `${config.postgres.url}?search_path=${keyspace}`;
const env = { ...names.env, POSTGRES_URL: url };
const sql = openPostgres(url, 1);

afterAll(async () => {
  await sql.unsafe(`DROP SCHEMA IF EXISTS ${keyspace} CASCADE`);
  await sql.end();
  await dropKeyspace(config);
  rmSync(runs, { recursive: true });
});

async function run(file: string, args: string[], more: Record<string, string> = {}) {
  const program = startProgram(file, args, { ...env, ...more });
  return { code: await program.exited, output: await program.output() };
}

/** What the command says, of one user and in all. */
async function where(text: string, more: Record<string, string> = {}) {
  const { code, output } = await run("operate/main.ts", ["where", text, "--json"], more);
  const report = JSON.parse(output.trim().split("\n").at(-1)!) as { users: Report[]; away: { service: string }[] };
  const [user] = report.users;
  const history = user?.history.map(({ stage, place, detail }) => `${stage} ${place}: ${detail}`) ?? [];
  const missing = user?.missing.map(({ stage, why }) => `${stage}: ${why}`) ?? [];
  const now = Object.fromEntries(user?.now.map(({ store, detail }) => [store, detail]) ?? []);
  return { code, ...report, stages: user?.history.map(({ stage }) => stage), history, missing, now };
}

const at = "2026-10-28T03:12:00.123Z";
const runId = "manual__2026-10-28T03:12:00.123456+00:00";
const folder = join(
  runs,
  `manual__2026-10-28T03_12_00_123456_00_00-${createHash("sha256").update(runId).digest("hex").slice(0, 8)}`,
);
const file = (name: string) => join(folder, name);

/** Runs the four tasks as the DAG does; returns a user of the run. */
async function runTasks(): Promise<User> {
  await sql.unsafe(`CREATE SCHEMA ${keyspace}`);
  for (const args of [
    ["fetch", "--users", "3", "--seed", runId, "--at", at, "--output", file("raw.jsonl")],
    ["format", "--input", file("raw.jsonl"), "--output", file("users.jsonl"), "--at", at],
    ["backup", "--input", file("users.jsonl"), "--output", file("backed-up.jsonl")],
    ["produce", "--input", file("backed-up.jsonl"), "--output", file("produced.jsonl")],
  ])
    expect(await run("tasks/main.ts", args)).toMatchObject({ code: 0 });
  return [...usersOf(file("users.jsonl")).values()][1]!;
}

test("a user's history is told from its run to its last change, with what is missing and why", async () => {
  const user = await runTasks();
  const id = keyOf(user);

  const produced = await where(id);
  expect(produced.code).toBe(0);
  expect(produced.stages).toEqual(["fetch", "format", "backup", "sent", "produce"]);
  expect(produced.history.slice(0, 3)).toEqual([
    `fetch raw.jsonl:2: run ${runId}`,
    `format users.jsonl:2: run ${runId}`,
    `backup backed-up.jsonl:2: run ${runId}`,
  ]);
  const sent = new RegExp(
    `^sent ${topic} (\\d)/(\\d): writes the row \\(as of 2026-10-28 03:12:00.123, schema \\d+\\)$`,
  );
  const [, partition, offset] = sent.exec(produced.history[3]!)!;
  const behind = Number(offset) + 1;
  expect(produced.missing).toEqual([
    expect.stringMatching(new RegExp(`^${changeTopic}: (in no record of it|nothing captures changes)`)),
    `Cassandra: no row: the group ${groupId} is ${behind} record${behind === 1 ? "" : "s"} behind ${topic} ${partition}/${offset}`,
  ]);
  expect(produced.now).toEqual({ PostgreSQL: "row of 2026-10-28 03:12:00.123" });

  const recorder = await openRecorder(names);
  const producer = openKafka(config, "test-where", openLog("test-where", "fatal")).producer();
  await producer.connect();
  const consumer = startConsumer({ env });
  await until("it is stored", async () => (await readRows(config)).has(id));
  const changed = { ...user, [changeable.text]: "Ó Ceallaigh" };
  const micros = (Date.now() - 1_000) * 1_000 + 7;
  const change = envelope({ op: "u", before: row(user), after: row(changed), micros });
  await producer.send({
    topic: changeTopic,
    messages: [{ key: JSON.stringify({ id }), value: JSON.stringify(change) }],
  });
  const ahead = encode({ ...user, timestamp: "2096-01-01T00:00:00.000Z" }, recorder.schemaId);
  await recorder.sendRecords([{ key: id, value: ahead, user: null }]);
  const edited = { ...changed, [changeable.optional]: null, timestamp: new Date().toISOString() };
  const edit = {
    ...{ id, operation: "upsert" as const, user: edited, write_time: writeTimeOf(edited) },
    ...{ author: "API_TOKEN", request_id: "request-7" },
  };
  const editSchemaId = await openRegistry(config.schemaRegistry).register(valueSubject(editTopic), editSchema);
  await producer.send({ topic: editTopic, messages: [{ key: id, value: encodeEdit(edit, editSchemaId) }] });
  await until("the consumer has handled all six", async () => (await consumer.metric("consumer_records_total")) === 6);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  const late = encode({ ...changed, timestamp: new Date().toISOString() }, recorder.schemaId);
  await recorder.sendRecords([{ key: id, value: late, user: null }]);

  const told = await where(id);
  expect(told.code).toBe(0);
  expect(told.history).toContainEqual(
    expect.stringMatching(
      new RegExp(`^captured ${changeTopic} 0/0: ${changeable.text} .* → Ó Ceallaigh \\(update, as of .*007\\)$`),
    ),
  );
  expect(told.history).toContainEqual(
    expect.stringMatching(
      new RegExp(`^stored ${topic} ${partition}/${offset}: by then: ${groupId} committed past it$`),
    ),
  );
  expect(told.history).toContainEqual(
    expect.stringMatching(
      new RegExp(`^dead letter ${deadLetterTopic} 0/0: timestamp_ahead: .*; from ${topic} ${partition}/`),
    ),
  );
  expect(told.history).toContainEqual(
    expect.stringMatching(
      new RegExp(
        `^edited ${editTopic} ${partition}/0: ${changeable.optional} .* → null \\(by API_TOKEN, request request-7, `,
      ),
    ),
  );
  expect(told.now.Cassandra).toMatch(
    new RegExp(
      `^every column written [\\d-]+ [\\d:.]+ by ${editTopic} ${partition}/0; differs from PostgreSQL in ${changeable.text}, `,
    ),
  );
  expect(told.missing).toContainEqual(
    expect.stringMatching(
      new RegExp(
        `^Cassandra: lacks the change of ${topic} ${partition}/\\d: the group ${groupId} is 1 record behind ${topic}`,
      ),
    ),
  );
  expect(told.missing).toContainEqual(
    expect.stringMatching(new RegExp(`^Cassandra: ${topic} ${partition}/\\d was not applied: it is a dead letter`)),
  );
  expect(JSON.stringify(told)).not.toContain(new URL(url).password);

  const [letter] = told.users[0]!.history.filter(({ stage }) => stage === "dead letter");
  const { source, producedMs } = letter!.facts as { source: { offset: string }; producedMs: number };
  const dismissal = {
    action: "dismissed",
    at: new Date().toISOString(),
    by: "rachel",
    letter: "0:0",
    because: "a test",
  };
  await producer.send({
    topic: settledTopicOf(deadLetterTopic),
    messages: [{ key: `${topic}/${partition}/${source.offset}/${producedMs}`, value: JSON.stringify(dismissal) }],
  });
  const settled = await where(id);
  expect(settled.history.at(-1)).toBe(`settled ${deadLetterTopic} 0/0: dismissed by rachel: a test`);
  expect(settled.missing.filter((line) => line.includes("dead letter"))).toEqual([]);

  const away = await where(id, { POSTGRES_URL: "postgres://users:a-password@127.0.0.1:1/users" });
  expect(away.code).toBe(0);
  expect(away.users[0]?.away.map(({ service }) => service)).toEqual(["PostgreSQL"]);
  expect(away.history.length).toBe(settled.history.length);
  await producer.disconnect();
  await recorder.close();
});

test("a user is found by its names, in PostgreSQL or else in Cassandra, and all of a name are listed", async () => {
  const [name = ""] = namingFields;
  const given = (value: string) => ({ ...newUser(), [name]: value });
  const [first, second] = [given("o'hara@example.com"), given("o'hara@example.com")];
  await sql.unsafe(upsertSql, columnArrays([first, second]));
  const both = await where("o'hara@example.com");
  expect([both.code, both.users.map(({ id }) => id)]).toEqual([0, [keyOf(first), keyOf(second)].sort()]);

  const third = crypto.randomUUID();
  await withCassandra(config, (client) =>
    client.execute(`INSERT INTO ${keyspace}.${table} (id, ${name}) VALUES (?, ?)`, [third, "nobody@example.com"]),
  );
  const stored = await where("nobody@example.com");
  expect([stored.code, stored.users.map(({ id }) => id)]).toEqual([0, [third]]);
  expect(stored.now.Cassandra).toMatch(/by a write that is in none of the records found$/);
});

test("an unknown user, bad input and services that are away have exit codes of their own", async () => {
  const unknown = crypto.randomUUID();
  const report = await where(unknown);
  expect([report.code, report.users[0]?.isFound]).toEqual([1, false]);
  expect(report.missing[0]).toMatch(/^run: no run's files have it: .*; 1 run since .* looked at$/);
  expect(report.users[0]?.looked.map(({ topic }) => topic).sort()).toEqual(
    [topic, changeTopic, editTopic, deadLetterTopic].sort(),
  );
  expect(await where("no.such.name")).toMatchObject({ code: 1, users: [] });

  for (const text of [" ", "x".repeat(401)]) {
    const { code, output } = await run("operate/main.ts", ["where", text]);
    expect([code, output]).toEqual([2, expect.stringContaining("one of them, of at most 400 characters")]);
  }
  const closed = "127.0.0.1:1";
  const nothing = await where(unknown, {
    POSTGRES_URL: `postgres://users:a-password@${closed}/users`,
    KAFKA_BROKERS: closed,
    CASSANDRA_CONTACT_POINTS: closed,
  });
  expect([nothing.code, nothing.users[0]?.away.map(({ service }) => service).sort()]).toEqual([
    2,
    ["Cassandra", "Kafka", "PostgreSQL"],
  ]);
  expect(JSON.stringify(nothing)).not.toContain("a-password");
});

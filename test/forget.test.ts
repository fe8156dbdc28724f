// Runs alone: it searches every file of the stack.
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { table, valueSubject } from "../contract/entity.ts";
import type { User } from "../contract/user.ts";
import { editSchema, encodeEdit } from "../contract/user-edits.ts";
import { murmur2 } from "../runtime/kafka/partitioner.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { openInstance } from "../stack/instance.ts";
import { clusterFolder } from "../stack/services/postgres-files.ts";
import { startConsumer } from "./faults/consumer.ts";
import { startApi } from "./support/api.ts";
import { openCapture } from "./support/capture.ts";
import { dropKeyspace, readRows, withCassandra } from "./support/cassandra.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { startProgram } from "./support/program.ts";
import { usersOf } from "./support/runs.ts";

setDefaultTimeout(900_000);

const runsDir = join(process.env.STACK_DIR ?? "", "tests", `runs-forget-${process.pid}`);
const capture = await openCapture(import.meta.path, { RUNS_DIR: runsDir });
const { config, sql, topic, editTopic, changeTopic, deadLetterTopic, groupId, keyspace } = capture;
const env = { ...capture.env, POSTGRES_URL: capture.url };
const instance = await openInstance(process.env);
const kafka = openKafka(config, "test", openLog("test", "fatal"));
const [admin, producer] = [kafka.admin(), kafka.producer()];
const editSchemaId = await openRegistry(config.schemaRegistry).register(valueSubject(editTopic), editSchema);
const run = join(runsDir, "manual__1");
const file = (name: string) => join(run, name);
const stages = [
  ["fetch", "--users", "20", "--seed", keyspace, "--output", file("raw.jsonl")],
  ["format", "--input", file("raw.jsonl"), "--output", file("users.jsonl"), "--at", "2026-01-15T06:00:00.000Z"],
  ["backup", "--input", file("users.jsonl"), "--output", file("backed-up.jsonl")],
  ["produce", "--input", file("backed-up.jsonl"), "--output", file("produced.jsonl")],
];

async function program(path: string, args: string[]) {
  const started = startProgram(path, args, env);
  const code = await started.exited;
  const output = await started.output();
  return { code, output, last: output.trim().split("\n").at(-1) ?? "" };
}
async function runTasks() {
  const counts = [];
  for (const stage of stages) {
    const { code, output, last } = await program("tasks/main.ts", stage);
    if (code !== 0) throw new Error(output);
    counts.push(JSON.parse(last));
  }
  return counts;
}
const forget = (...args: string[]) => program("operate/main.ts", ["forget", ...args, "--json"]);
const partitionOf = ({ id }: User) => (murmur2(Buffer.from(id)) & 0x7fffffff) % config.kafka.partitions;
/** Until nothing is left to be done or to be waited for. */
async function forgetAll(): Promise<{ forgotten: number }> {
  let last = "";
  const attempt = async () => {
    const { code, output, last: line } = await forget();
    last = output;
    return code === 0 && JSON.parse(line);
  };
  return until("nothing is left to be done", attempt).catch((error) => {
    throw new Error(`${error.message}\n${last}`);
  });
}
const isCaughtUp = () =>
  until("everything is applied", async () => {
    const [end] = await sql`SELECT pg_current_wal_lsn()::text AS lsn`;
    const [slot] = await sql`
      SELECT confirmed_flush_lsn >= ${end!.lsn}::pg_lsn AS passed FROM pg_replication_slots
      WHERE slot_name = ${capture.slot}`;
    if (slot && !slot.passed) return false;
    const lags = await Promise.all([topic, editTopic, changeTopic].map((name) => lagOf(config, groupId, name)));
    return lags.every((lag) => lag === 0);
  });

/** The files of the stack that have one of these, except for those of this test's own programs' code. */
function filesWith(needles: Buffer[]): string[] {
  const found: string[] = [];
  for (const folder of [process.env.STACK_DIR ?? "", clusterFolder(instance)])
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      let bytes = Buffer.alloc(0);
      try {
        bytes = readFileSync(path);
      } catch {} // it has been removed
      for (const needle of needles) if (bytes.includes(needle)) found.push(`${path}: ${needle.toString("latin1")}`);
    }
  return found;
}

test("a forgotten user is in no file of the stack, and no replay, re-run or snapshot brings it back", async () => {
  await Promise.all([admin.connect(), producer.connect()]);
  // `bun run up` does the same in the stack's own database.
  await capture.superuser`GRANT EXECUTE ON FUNCTION pg_switch_wal() TO users`;
  await capture.connector.register();
  let consumer = startConsumer(capture);
  await until("the consumer is ready", async () => (await consumer.status("/readyz")) === 200);
  await runTasks();
  const users = [...usersOf(file("users.jsonl")).values()];
  const [person] = users as [User];
  // Of the same partition, which is rewritten; the other partitions have nobody who is forgotten.
  const neighbour = users.slice(1).find((user) => partitionOf(user) === partitionOf(person))!;
  const [deleted, second, third, fourth] = users.filter(({ id }) => ![person.id, neighbour.id].includes(id)) as [
    User,
    User,
    User,
    User,
  ];
  const [email, name] = ["zyxforgetme@vorgetten.example", "Qxvorgettenheim"];
  await sql`UPDATE ${sql(table)} SET email = ${email}, last_name = ${name} WHERE id = ${person.id}`;
  const edit = (user: User) =>
    producer.send({
      topic: editTopic,
      messages: [
        {
          key: user.id,
          value: encodeEdit(
            { id: user.id, user, operation: "upsert", write_time: Date.now() * 1_000, author: null, request_id: "1" },
            editSchemaId,
          ),
        },
      ],
    });
  await isCaughtUp();
  await edit({ ...person, email, last_name: name, phone: "1" });
  await edit({ ...neighbour, phone: "1" });
  const broken = (user: User, value: object) => ({ key: user.id, value: JSON.stringify(value) });
  const messages = [broken(person, { email }), broken(neighbour, { email: "neighbour" })];
  await producer.send({ topic, messages: messages.map((message) => ({ ...message, headers: { from: "a test" } })) });
  await sql`DELETE FROM ${sql(table)} WHERE id = ${deleted.id}`;
  await isCaughtUp();
  await until("the deletion is applied", async () => !(await readRows(config)).has(deleted.id));
  const written = await readTopic(config, deadLetterTopic);
  expect(written.map(({ key }) => key).sort()).toEqual([person.id, neighbour.id].sort());
  const position = String(written.find(({ key }) => key === neighbour.id)?.offset);
  const dismissed = await program("operate/main.ts", ["dead-letters", "dismiss", position, "--because", "known"]);
  expect(dismissed.code).toBe(0);
  // The time after which Cassandra forgets deletions; ten days by default.
  await withCassandra(config, (client) =>
    client.execute(`ALTER TABLE ${keyspace}.${table} WITH gc_grace_seconds = 4`, [], { prepare: false }),
  );
  const before = await readRows(config);
  const needles = [person.id, email, name].map((text) => Buffer.from(text));
  needles.push(Buffer.from(person.id.replaceAll("-", ""), "hex"));
  expect(filesWith(needles).length).toBeGreaterThan(8);

  const interrupted = startProgram("operate/main.ts", ["forget", person.id], env);
  await until("the rows are deleted", async () => !(await readRows(config)).has(person.id));
  interrupted.signal("SIGKILL");
  await interrupted.exited;
  await forgetAll();
  const expectNothing = () =>
    until("no file has the person", () => filesWith(needles).length === 0, { withinMs: 1 }).catch(() =>
      expect(filesWith(needles)).toEqual([]),
    );
  await expectNothing();
  const others = new Map([...before].filter(([id]) => id !== person.id));
  expect(others.size).toBe(18);
  await isCaughtUp();
  expect(await readRows(config)).toEqual(others);
  const records = await readTopic(config, topic);
  expect(new Set(records.map(({ key }) => key))).toEqual(new Set([...others.keys(), deleted.id]));
  expect(records.some(({ headers }) => headers.from === "a test")).toBe(false);
  const letters = await readTopic(config, deadLetterTopic);
  expect(letters.map(({ key, headers }) => [key, headers.from])).toEqual([[neighbour.id, "a test"]]);
  expect((await program("operate/main.ts", ["dead-letters", "list"])).code).toBe(0);

  // Somebody else, through the API.
  const token = "a-token-of-this-test";
  const [open, api] = await Promise.all([startApi(env), startApi({ ...env, API_TOKEN: token })]);
  const ask = async (url: string, init: RequestInit, authorization?: string) => {
    const headers = { "content-type": "application/json", ...(authorization && { authorization }) };
    const response = await fetch(url, { ...init, headers });
    return { status: response.status, text: await response.text() };
  };
  const isReady = async () => (await ask(`${api.url}/readyz`, {})).text.includes('"accepted"');
  await until("the API takes writes", isReady);
  const path = `/delete-user/${second.id}?everywhere=true`;
  expect((await ask(open.url + path, { method: "DELETE" })).status).toBe(403);
  expect((await ask(api.url + path, { method: "DELETE" })).status).toBe(401);
  expect((await ask(api.url + path, { method: "DELETE" }, `Bearer ${token}`)).status).toBe(202);
  const { timestamp: _, ...again } = second;
  const added = () => ask(`${api.url}/add-user`, { method: "POST", body: JSON.stringify(again) }, `Bearer ${token}`);
  await until("the API knows it", async () => (await added()).text.includes("was forgotten"));
  others.delete(second.id);
  for (const bytes of [second.id, Buffer.from(second.id.replaceAll("-", ""), "hex")]) needles.push(Buffer.from(bytes));
  expect(await readRows(config)).toEqual(others);
  expect((await forget("--check")).code).toBe(1);

  // The run once more, a snapshot, and both topics from their beginning.
  const [fetched, , backedUp] = await runTasks();
  expect([fetched, backedUp]).toMatchObject([
    { read: 20, written: 19, forgotten: 1 },
    { read: 19, written: 18, deleted: 1, forgotten: 0, unchanged: 18 },
  ]);
  await capture.connector.put("stop");
  await capture.connector.deleteOffsets();
  await capture.connector.put("resume");
  await capture.connector.runs();
  consumer.signal("SIGTERM");
  await consumer.exited;
  for (const name of [topic, editTopic, changeTopic])
    await admin.resetOffsets({ groupId, topic: name, earliest: true });
  // Somebody's own copy of the topic, sent again.
  await producer.send({ topic, messages: [broken(person, { email: "again" })] });
  consumer = startConsumer(capture);
  await isCaughtUp();
  expect(await readRows(config)).toEqual(others);
  const into = `${keyspace}_r`;
  expect((await program("operate/main.ts", ["rebuild", "--into", into, "--compare"])).output).toContain("are equal");
  // Its deletions would be kept for ten days.
  await dropKeyspace({ cassandra: { ...config.cassandra, keyspace: into } });
  const { output, code } = await program("operate/main.ts", ["reconcile", "--json"]);
  expect([code, output]).toEqual([0, expect.any(String)]);

  // The same person and another one at once, while other commands work.
  const meanwhile = [
    ["reconcile", "--repair"],
    ["rebuild", "--into", into],
  ] as const;
  const [one, other, ...commands] = await Promise.all([
    forget(third.id),
    forget(third.id, fourth.id),
    ...meanwhile.map((args) => program("operate/main.ts", [...args])),
  ]);
  for (const { code, output } of [one, other, ...commands]) expect([0, 1], output).toContain(code);
  expect([one, other].filter(({ output }) => output.includes("this one waits for its end"))).toHaveLength(1);
  await dropKeyspace({ cassandra: { ...config.cassandra, keyspace: into } });
  for (const { id } of [third, fourth]) {
    others.delete(id);
    for (const bytes of [id, Buffer.from(id.replaceAll("-", ""), "hex")]) needles.push(Buffer.from(bytes));
  }
  expect((await forgetAll()).forgotten).toBe(4);
  await expectNothing();
  expect(await readRows(config)).toEqual(others);

  for (const each of [consumer, open, api]) each.signal("SIGTERM");
  await Promise.all([consumer.exited, open.exited, api.exited]);
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  await capture.close();
});

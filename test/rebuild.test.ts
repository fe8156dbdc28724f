import { afterAll, expect, test } from "bun:test";
import { types } from "cassandra-driver";
import { table, timeField, valueSubject } from "../contract/entity.ts";
import { changeable } from "../contract/samples.ts";
import { deleteCql, rowOf, upsertCql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { editSchema, encodeEdit } from "../contract/user-edits.ts";
import { encode } from "../contract/wire.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows, readWriteTimes, withCassandra } from "./support/cassandra.ts";
import { envelope, row, type Sample } from "./support/change-events.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";

const { text, optional } = changeable;
const names = namesOf(import.meta.path);
const { config, env, topic, editTopic, keyspace } = names;
const { changeTopic } = config.kafka;
const into = `${keyspace}_r`;
const rebuiltConfig = { cassandra: { ...config.cassandra, keyspace: into } };

const recorder = await openRecorder(names);
const producer = openKafka(config, "test-rebuild", openLog("test-rebuild", "fatal")).producer();
await producer.connect();

afterAll(async () => {
  await Promise.all([recorder.close(), producer.disconnect()]);
  await Promise.all([dropKeyspace(config), dropKeyspace(rebuiltConfig)]);
});

let lsn = 1_000;
/** Sends change events as Debezium writes them; each has a later position in the log. */
const change = (samples: ({ id: string } & Sample)[]) =>
  producer.send({
    topic: changeTopic,
    messages: samples.map(({ id, ...sample }) => ({
      key: JSON.stringify({ id }),
      value: JSON.stringify(envelope({ ...sample, lsn: lsn++ })),
    })),
  });
const editSchemaId = await openRegistry(config.schemaRegistry).register(valueSubject(editTopic), editSchema);
/** Sends edits as the API does. */
const edit = (edits: { id: string; user: User | null; micros: number }[]) =>
  producer.send({
    topic: editTopic,
    messages: edits.map(({ id, user, micros }) => {
      const about = { id, user, operation: user ? ("upsert" as const) : ("delete" as const), write_time: micros };
      return { key: id, value: encodeEdit({ ...about, author: null, request_id: "a test's" }, editSchemaId) };
    }),
  });
const send = (users: readonly User[]) =>
  recorder.sendRecords(users.map((user) => ({ key: user.id, value: encode(user, recorder.schemaId), user })));
const isCaughtUp = () =>
  until("the topics are read", async () => {
    const lags = [topic, editTopic, changeTopic].map((name) => lagOf(config, names.groupId, name));
    return (await Promise.all(lags)).every((lag) => lag === 0);
  });
async function startedConsumer() {
  const consumer = startConsumer(names);
  await until("the consumer is ready", async () => (await consumer.status("/readyz")) === 200);
  return consumer;
}

async function rebuild(...args: string[]) {
  const program = startProgram("operate/main.ts", ["rebuild", "--into", into, ...args], env);
  const [code, output] = [await program.exited, await program.output()];
  const json = args.includes("--json") && code < 2 ? JSON.parse(output.trim().split("\n").at(-1)!) : null;
  return { code, output, json };
}

const users = Array.from({ length: 600 }, newUser);
const [edited, deleted, twice, throughApi, deletedThere] = users as [User, User, User, User, User];
const micros = () => Date.now() * 1_000;

test("the topics rebuild every row, column and write time; what differs is named, and under traffic nothing else", async () => {
  const first = await startedConsumer();
  const commit = micros();
  await send(users);
  await change([
    ...users
      .slice(0, 300)
      .map((user, index) => ({ id: user.id, op: "c", after: row(user), micros: commit, order: index + 1 })),
    { id: twice.id, op: "u", after: row({ ...twice, [text]: "Twice" }), micros: commit, order: 301 },
    { id: deleted.id, op: "d", before: row(deleted), micros: commit + 1_000 },
    { id: edited.id, op: "u", after: row({ ...edited, [text]: "Edited", [optional]: null }), micros: commit + 2_000 },
    { id: users[5]!.id, op: "u", after: { ...row(users[5]!), [text]: 42 }, micros: commit + 3_000 },
  ]);
  await edit([
    { id: throughApi.id, user: { ...throughApi, [text]: "Through the API" }, micros: commit + 3_000 },
    { id: deletedThere.id, user: null, micros: commit + 3_000 },
    { id: edited.id, user: { ...edited, [text]: "Too old" }, micros: commit },
    { id: deleted.id, user: { ...deleted, [text]: "" }, micros: commit + 5_000 },
  ]);
  // Dead-lettered by the consumer, which reads it at once; when it is rebuilt the time is no longer too far ahead.
  const aheadMs = Date.now() + config.consumer.maxAheadMs + 20_000;
  const ahead: User = { ...newUser(), [timeField]: new Date(aheadMs).toISOString() };
  await send([ahead]);
  await recorder.sendRecords([{ key: "broken", value: Buffer.from("{"), user: null }]);
  await isCaughtUp();
  const letters = await readTopic(config, names.deadLetterTopic);
  expect(letters.map(({ headers }) => headers["__connect.errors.exception.class.name"]).sort()).toEqual([
    "invalid_user",
    "invalid_user",
    "no_magic_byte",
    "timestamp_ahead",
  ]);
  // Another consumer continues inside of a transaction, and dates its rows by their position.
  first.signal("SIGTERM");
  expect(await first.exited).toBe(0);
  const inside = users.slice(300, 310).map((user, index) => ({
    id: user.id,
    op: "c",
    after: row(user),
    micros: commit + 4_000,
    order: index + 1,
  }));
  await change(inside.slice(0, 5));
  const second = await startedConsumer();
  await isCaughtUp();
  second.signal("SIGTERM");
  expect(await second.exited).toBe(0);
  await change(inside.slice(5));
  const consumer = await startedConsumer();
  await isCaughtUp();
  await until("the time is not too far ahead any more", () => aheadMs < Date.now() + config.consumer.maxAheadMs);

  const equal = await rebuild("--compare");
  expect(equal.output).toContain(`${into} and ${keyspace} are equal: 598 rows, every column and write time`);
  expect(equal.output).toContain("5 rows have equal values whose write times are microseconds apart");
  expect(equal.output).toContain(`DROP KEYSPACE ${into};`);
  expect(equal.code).toBe(0);
  const [liveRows, ownRows] = await Promise.all([readRows(config), readRows(rebuiltConfig)]);
  expect(ownRows).toEqual(liveRows);
  expect([ownRows.has(deleted.id), ownRows.has(deletedThere.id)]).toEqual([false, false]);
  expect([edited, throughApi].map(({ id }) => ownRows.get(id)?.[text])).toEqual(["Edited", "Through the API"]);
  const [liveTimes, ownTimes] = await Promise.all([readWriteTimes(config), readWriteTimes(rebuiltConfig)]);
  const redated = new Set(inside.slice(5).map(({ id }) => id));
  for (const [id, times] of liveTimes) if (!redated.has(id)) expect([id, ownTimes.get(id)]).toEqual([id, times]);

  // Existing users are written again and again meanwhile, and new ones arrive.
  const stop = new AbortController();
  const flow = recorder.flow(100_000, 300, stop.signal);
  const hot = users.slice(400, 420);
  const edits = (async () => {
    for (let round = 0; !stop.signal.aborted; round++) {
      await change(
        hot.map((user) => ({ id: user.id, op: "u", after: row({ ...user, [text]: `${round}` }), micros: micros() })),
      );
      await Bun.sleep(20);
    }
  })();
  const underTraffic = await rebuild("--compare", "--json");
  stop.abort();
  await Promise.all([flow, edits]);
  expect(underTraffic.json.comparison).toMatchObject({ missing: 0, extra: 0, different: 0, differences: [] });
  expect(underTraffic.json.topics).toMatchObject([
    { topic, exists: true, deadLettered: 2, rejected: 0 },
    { topic: editTopic, exists: true, records: 4, written: 3, deadLettered: 1, rejected: 0 },
    { topic: changeTopic, exists: true, deadLettered: 1, rejected: 0 },
  ]);
  expect(underTraffic.code).toBe(0);
  await isCaughtUp();

  const [changed, lost] = [users[500]!, users[501]!];
  const unknown = newUser();
  const now = types.Long.fromNumber(micros());
  await withCassandra(config, async (client) => {
    await client.execute(`UPDATE ${keyspace}.${table} SET ${text} = 'By hand' WHERE id = ?`, [changed.id]);
    await client.execute(deleteCql(keyspace), [now, lost.id]);
    await client.execute(upsertCql(keyspace), [...rowOf(unknown), now]);
  });
  const { code, json } = await rebuild("--compare", "--json");
  expect(json.comparison).toMatchObject({ missing: 1, extra: 1, different: 1, late: 0, unchecked: 0 });
  const byKind = Object.fromEntries(json.comparison.differences.map((each: { kind: string }) => [each.kind, each]));
  expect(byKind).toMatchObject({
    missing: { id: lost.id, newest: String(Date.parse(lost[timeField]) * 1_000) },
    extra: { id: unknown.id, newest: String(now) },
    different: {
      id: changed.id,
      columns: [{ name: text, live: { value: "By hand" }, rebuilt: { value: changed[text] } }],
    },
  });
  expect(json.comparison.differences).toHaveLength(3);
  expect(code).toBe(1);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
});

test("it refuses the keyspace in use, one with rows of other origin, and a record of a newer contract", async () => {
  const live = startProgram("operate/main.ts", ["rebuild", "--into", keyspace], env);
  expect(await live.exited).toBe(2);
  expect(await live.output()).toContain(`${keyspace} is the keyspace in use`);

  const comment = (value: string) =>
    withCassandra(config, async (client) => {
      await client.execute(`ALTER TABLE ${into}.${table} WITH comment = '${value}'`, [], { prepare: false });
    });
  await comment("of other origin");
  const foreign = await rebuild();
  expect(foreign.output).toContain(`${into}.${table} has rows that rebuild did not write`);
  expect(foreign.code).toBe(2);

  await dropKeyspace(rebuiltConfig);
  await change([{ id: edited.id, op: "u", after: row(edited, { newer_column: "x" }), micros: micros() }]);
  const held = await rebuild();
  expect(held.output).toContain(`topic ${changeTopic}, partition 0: the change at offset`);
  expect(held.output).toContain("has values in columns that this version does not know: newer_column");
  expect(held.code).toBe(2);
});

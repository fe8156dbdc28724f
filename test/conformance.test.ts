/**
 * One conformance test for all engines: each drains the same topics into its own keyspace and dead-letter topic, and the
 * results must be equal in every byte and every write time.
 */
// Runs in turn: it uses the stack's Spark cluster.

import { expect, test } from "bun:test";
import { forgottenTopicOf, valueSubject } from "../contract/entity.ts";
import { noteRecord } from "../contract/forgotten.ts";
import { changeable, validUsers } from "../contract/samples.ts";
import type { User } from "../contract/user.ts";
import { editSchema } from "../contract/user-edits.ts";
import { avroSchema, encode } from "../contract/wire.ts";
import { prepareKafka } from "../runtime/kafka/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { openSink } from "../stream/cassandra/sink.ts";
import { dropKeyspace, readRows, readWriteTimes, withCassandra } from "./support/cassandra.ts";
import {
  changeSpecimens,
  foreignSchema,
  nullableSchema,
  olderSchema,
  recursiveSchema,
  type SchemaIds,
  type Specimen,
  unboundedSchema,
  userSpecimens,
  widerSchema,
} from "./support/corpus.ts";
import { type EditSchemaIds, editSchemas, editSpecimens } from "./support/edit-corpus.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { type Names, namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";
import { environmentAs, grantPrograms } from "./support/secure-stack.ts";
import { startCluster, startJob } from "./support/spark.ts";

/** Resolves when an engine has processed everything in its topics and exited. */
const engines: Record<string, (names: Names) => Promise<void>> = {
  consumer: drainWithConsumer,
  spark: drainWithSpark,
};

const shared = namesOf(import.meta.path);
const topics = {
  KAFKA_TOPIC: shared.topic,
  KAFKA_CHANGE_TOPIC: `${shared.topic}.changes`,
  KAFKA_EDIT_TOPIC: shared.editTopic,
  CDC_APPLY: "true",
  CDC_IGNORED_COLUMNS: "city",
};
const log = openLog("conformance", "error");

async function drainWithConsumer({ env, config, groupId }: Names) {
  const consumer = startProgram("consumer/main.ts", [], environmentAs("consumer", env));
  for (const topic of [topics.KAFKA_TOPIC, topics.KAFKA_CHANGE_TOPIC, topics.KAFKA_EDIT_TOPIC])
    await until(`${topic} is drained`, async () => (await lagOf(config, groupId, topic)) === 0);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
}

async function drainWithSpark(names: Names) {
  await startCluster();
  const job = startJob(names, "--cdc", "--available-now");
  if ((await job.exited) !== 0) throw new Error(`the job failed:\n${await job.output()}`);
}

test("every engine writes the same rows with the same write times, and the same dead letters", async () => {
  const specimens = await produceCorpus();
  const outcomes = new Map<string, Awaited<ReturnType<typeof outcomeOf>>>();
  for (const [engine, drain] of Object.entries(engines)) {
    const names = namesOf(`${engine}-${import.meta.file}`, topics);
    await prepareKafka(names.config, "conformance", log, new AbortController().signal);
    await grantPrograms(names.config);
    await drain(names);
    outcomes.set(engine, await outcomeOf(names));
    if (engine === "spark") await expectMixedWithConsumer(names);
    await dropKeyspace(names.config);
  }

  const { consumer, ...others } = Object.fromEntries(outcomes);
  expect(consumer?.letters.map(({ source, reason }) => `${source} ${reason}`)).toEqual(expectedLetters(specimens));
  const strange = consumer?.letters.filter(({ headers }) => headers.length > 5) ?? [];
  expect(strange.map(({ headers }) => headers.slice(0, strangeOnes.length))).toEqual([strangeOnes, strangeOnes]);
  expect(consumer?.rows.size).toBeGreaterThan(500);
  expect(consumer?.rows.has(forgotten)).toBe(false);
  for (const outcome of Object.values(others)) expect(outcome).toEqual(consumer!);
}, 900_000);

/** The expected form of `strangeHeaders`, byte for byte; the dead letter's own headers follow. */
const strangeOnes = [
  "traceparent=00fffe",
  "twice=62",
  "twice=61",
  "empty=",
  "none=null",
  "=6e6f206e616d65",
  "__proto__=61206e616d65206c696b6520616e79206f74686572",
  "reason=746865697273",
  "source.offset=2d31",
  "source.offset=null",
  "__connect.errors.topic=656c73657768657265",
];

async function outcomeOf({ config }: Names) {
  const [rows, times, letters] = await Promise.all([
    readRows(config),
    readWriteTimes(config),
    readTopic(config, config.kafka.deadLetterTopic),
  ]);
  return {
    rows: sorted(rows),
    times: sorted(times),
    letters: letters
      .map(({ key, value, headers, allHeaders }) => ({
        source: `${headers["__connect.errors.topic"]} ${headers["__connect.errors.partition"]} ${headers["__connect.errors.offset"]}`,
        reason: headers["__connect.errors.exception.class.name"],
        // All but the readable detail, in order.
        headers: allHeaders
          .filter(([name]) => name !== "__connect.errors.exception.message")
          .map(([name, bytes]) => `${name}=${bytes?.toString("hex") ?? null}`),
        hasDetail: (headers["__connect.errors.exception.message"] ?? "") !== "",
        key,
        value: value?.toString("base64") ?? null,
      }))
      .sort((one, other) => one.source.localeCompare(other.source)),
  };
}

/** Writes of two engines with the same write time: Cassandra takes the greater value of each column. */
async function expectMixedWithConsumer({ config, keyspace }: Names) {
  const { text, optional } = changeable;
  const times = await readWriteTimes(config);
  const [id, user] = [...(await readRows(config))].find(
    ([id, user]) => user[optional] !== null && times.get(id)?.[text] === times.get(id)?.[optional],
  )!;
  const writeTimeMicros = Number(times.get(id)?.[text]);
  const ofConsumer = { ...user, [text]: `${user[text]}~`, [optional]: "\u0021" };
  expect([ofConsumer[text] > user[text], ofConsumer[optional] < user[optional]!]).toEqual([true, true]);
  await withCassandra(config, async (cassandra) => {
    const metrics = { writeSeconds: { startTimer: () => () => 0 }, retries: { inc() {} } };
    const sink = openSink({ cassandra, keyspace, metrics: metrics as never, log });
    const message = { key: null, value: null, offset: "0", timestamp: "0" };
    const write = { message, change: { kind: "upsert" as const, user: ofConsumer, writeTimeMicros } };
    expect(await sink.write([write], new AbortController().signal)).toEqual([]);
  });
  expect((await readRows(config)).get(id)).toEqual({ ...user, [text]: ofConsumer[text] });
}

const sorted = <T>(map: Map<string, T>) =>
  new Map([...map].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)));

/** A specimen with its topic, partition and offset. */
type Placed = Specimen & { place: string };

const expectedLetters = (specimens: readonly Placed[]) =>
  specimens
    .filter(({ outcome }) => outcome !== "stored" && outcome !== "ignored")
    .sort((one, other) => one.place.localeCompare(other.place))
    .map(({ place, outcome }) => `${place} ${outcome}`);

/** Somebody whose records no engine may write, as rows or letters. */
const forgotten = crypto.randomUUID();
const { key, value } = noteRecord(forgotten, { at: new Date().toISOString(), by: "a test" });
const note: Specimen = { key: Buffer.from(key), value: Buffer.from(value), outcome: "ignored" };

async function produceCorpus(): Promise<Placed[]> {
  const { config } = namesOf(import.meta.path, topics);
  await prepareKafka(config, "conformance", log, new AbortController().signal);
  const registry = openRegistry(config.schemaRegistry);
  const ids: SchemaIds = {
    current: await registry.register(valueSubject(config.kafka.topic), avroSchema),
    older: await registry.register(`${config.kafka.topic}-older`, olderSchema),
    wider: await registry.register(`${config.kafka.topic}-wider`, widerSchema),
    foreign: await registry.register(`${config.kafka.topic}-foreign`, foreignSchema),
    nullable: await registry.register(`${config.kafka.topic}-nullable`, nullableSchema),
    unbounded: await registry.register(`${config.kafka.topic}-unbounded`, unboundedSchema),
    recursive: await registry.register(`${config.kafka.topic}-recursive`, recursiveSchema),
    missing: 2_000_000_000,
  };
  const editIds: EditSchemaIds = {
    current: await registry.register(valueSubject(config.kafka.editTopic), editSchema),
    older: await registry.register(`${config.kafka.editTopic}-older`, editSchemas.older),
    wider: await registry.register(`${config.kafka.editTopic}-wider`, editSchemas.wider),
    foreign: await registry.register(`${config.kafka.editTopic}-foreign`, editSchemas.foreign),
    missing: ids.missing,
    users: ids.current,
  };
  const edited = validUsers.slice(0, 2).map((user) => ({ ...user, id: crypto.randomUUID() })) as [User, User];
  const stored: Specimen[] = edited.map((user) => ({
    key: Buffer.from(user.id),
    value: encode(user, ids.current),
    outcome: "stored",
  }));
  await send(forgottenTopicOf(config.kafka.topic), [note]);
  const ofForgotten: Specimen[] = [encode({ ...validUsers[0]!, id: forgotten }, ids.current), Buffer.from("{")].map(
    (value) => ({ key: Buffer.from(forgotten), value, outcome: "ignored" }),
  );
  const specimens = [...userSpecimens(ids, Date.now()), ...stored, ...ofForgotten];
  const users = await send(config.kafka.topic, specimens);
  const changes = await send(config.kafka.changeTopic, changeSpecimens());
  const edits = await send(config.kafka.editTopic, editSpecimens(editIds, edited, Date.now()));
  return [...users, ...changes, ...edits];

  /** Sends one request per record, so that each response has its offset. Records with the same key stay in order. */
  async function send(topic: string, specimens: Specimen[]): Promise<Placed[]> {
    const producer = openKafka(config, "conformance", log).producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const placed: Placed[] = [];
    for (const specimen of specimens) {
      const { key, value, headers } = specimen;
      const [sent] = await producer.send({ topic, acks: -1, messages: [{ key, value, headers }] });
      placed.push({ ...specimen, place: `${topic} ${sent?.partition} ${sent?.baseOffset}` });
    }
    await producer.disconnect();
    return placed;
  }
}

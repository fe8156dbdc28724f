/** A topic's rewriting that is killed at any point and done again, and two commands at once. */
import { afterAll, expect, test } from "bun:test";
import { type Marks, openMarks } from "../operations/forget/marks.ts";
import { rewriteTopic, searchTopic } from "../operations/forget/rewrite.ts";
import { inTurn } from "../operations/forget/turn.ts";
import { openReader } from "../runtime/kafka/reader.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { openRecorder } from "./faults/records.ts";
import { readTopic } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";

const { config, topic } = namesOf(import.meta.path, { KAFKA_PARTITIONS: "1" });
const kafka = openKafka(config, "test", openLog("test", "fatal"));
const admin = kafka.admin();
const producer = kafka.producer({ allowAutoTopicCreation: false });
const recorder = await openRecorder({ config });
await Promise.all([admin.connect(), producer.connect()]);
const marks = await openMarks({ kafka, admin, producer, config, creates: true });
const reader = await openReader(kafka);

afterAll(async () => {
  await Promise.all([marks.close(), reader.close(), recorder.close()]);
  await Promise.all([admin.disconnect(), producer.disconnect()]);
});

const killed = async () => {
  throw new Error("killed");
};
type Clients = Parameters<typeof rewriteTopic>[0];
const rewrite = (more: Partial<Clients> = {}, moreMarks: Partial<Marks> = {}) =>
  rewriteTopic({ kafka, admin, reader, producer, ...more }, topic, [0], {
    forgotten: marks.forgotten,
    marks: { ...marks, ...moreMarks },
    whenRead: async () => {},
    openLeftOut: async () => () => false,
  });

/** What identifies a record, apart from its offset. */
const contents = async () =>
  (await readTopic(config, topic)).map(({ key, value, headers, timestamp }) =>
    JSON.stringify([key, value?.toString("base64"), headers, timestamp]),
  );
const byName = (one: string, other: string) => one.localeCompare(other);

/** Two persons more, of whom one is then forgotten; returns the records of all who stay. */
async function forgetOne(): Promise<string[]> {
  await recorder.sendUsers(2);
  const person = [...recorder.acknowledged.keys()].at(-1)!;
  await marks.note([person], "test");
  return (await contents()).filter((record) => !record.includes(person));
}
const isGone = async () => (await searchTopic(reader, topic, marks.forgotten)).found.size === 0;

test("killed between the copy of a topic and the deletion of the old records, and done again: no record is lost or twice there", async () => {
  // More than one request of copies.
  await recorder.sendUsers(6_000);
  const headers = { "a header": "ä", "reconcile.repeats": "0:7" };
  await producer.send({ topic, messages: [{ key: "no user", value: "text", headers, timestamp: "1234567890123" }] });
  const others = await forgetOne();

  await expect(rewrite({ admin: { ...admin, deleteTopicRecords: killed } })).rejects.toThrow("killed");
  expect((await contents()).length).toBe(2 * others.length + 1);
  expect(await isGone()).toBe(false);
  // Somebody writes before it is done again.
  await recorder.sendUsers(1);
  const late = (await contents()).at(-1)!;
  await rewrite();
  expect((await contents()).sort(byName)).toEqual([...others, late].sort(byName));
  expect(await isGone()).toBe(true);
});

test("killed before the copy is complete, no record is lost; some are there twice", async () => {
  const others = await forgetOne();
  let sends = 0;
  const killedAtSecond: typeof producer.send = (record) => (++sends === 2 ? killed() : producer.send(record));
  await expect(rewrite({ producer: { ...producer, send: killedAtSecond } })).rejects.toThrow("killed");
  await expect(rewrite({}, { copied: killed })).rejects.toThrow("killed");
  const { removed } = await rewrite();
  expect(removed).toBe(1);
  const left = await contents();
  expect(left.length).toBeGreaterThan(others.length);
  expect([...new Set(left)].sort(byName)).toEqual([...others].sort(byName));
  expect(await isGone()).toBe(true);
});

test("a second command waits for the first one, also if that is killed", async () => {
  const [first, second] = [openPostgres(config.postgres, 2), openPostgres(config.postgres, 2)];
  const stop = new AbortController().signal;
  const events: string[] = [];
  const started = Promise.withResolvers<void>();
  const dies = inTurn(
    { sql: first, topic, stop },
    async () => {
      started.resolve();
      await new Promise(() => {}); // the process has ended
    },
    killed,
  );
  void dies;
  await started.promise;
  const waits = inTurn(
    { sql: second, topic, stop },
    async () => void events.push("works"),
    async (wait) => {
      events.push("waits");
      await wait();
      events.push("begins");
    },
  );
  // A command for another topic does not.
  await inTurn({ sql: second, topic: `${topic}_other`, stop }, async () => void events.push("another"), killed);
  await until("it waits", () => events.length === 2);
  await first.end({ timeout: 0 });
  await waits;
  expect(events.sort(byName)).toEqual(["another", "begins", "waits", "works"]);
  await second.end({ timeout: 1 });
});

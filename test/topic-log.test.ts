import { expect, test } from "bun:test";
import { rangeOf, readRange, recordsIn } from "../operations/topic-log.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { namesOf } from "./support/names.ts";

test("topics are read from any position to their present end, past transactions and open ones", async () => {
  const { config, topic } = namesOf(import.meta.path);
  const kafka = openKafka(config, "test-topic-log", openLog("test-topic-log", "fatal"));
  const admin = kafka.admin();
  const producer = kafka.producer();
  const transactions = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
  await Promise.all([admin.connect(), producer.connect(), transactions.connect()]);
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] });
  const send = (partition: number, values: string[]) =>
    producer.send({ topic, messages: values.map((value) => ({ partition, value })) });
  const inTransaction = async (value: string, end: "commit" | "abort") => {
    const transaction = await transactions.transaction();
    await transaction.send({ topic, messages: [{ partition: 1, value }] });
    await transaction[end]();
  };
  const numbers = Array.from({ length: 30_000 }, (_, index) => String(index));
  const clients = { kafka, admin };
  /** Values by partition; reading is slow at first, so that the next batches wait. */
  const read = async (range: Parameters<typeof readRange>[1]) => {
    const values: Record<number, string[]> = {};
    await readRange(clients, range, async ({ partition, messages }) => {
      values[partition] ??= [];
      const own = values[partition];
      if (own.length === 0) await Bun.sleep(20);
      own.push(...messages.map(({ value }) => String(value)));
    });
    return values;
  };

  // Partition 1 has transactions' markers and aborted records, also at its end; partition 2 is empty.
  await send(0, numbers);
  await inTransaction("aborted", "abort");
  await inTransaction("committed", "commit");
  await inTransaction("aborted at the end", "abort");
  const isThere = async () => (await admin.fetchTopicOffsets(topic)).some(({ high }) => high === "6");
  await until("the last marker is written", isThere);
  const whole = await rangeOf(admin, [topic, `${topic}.missing`]);
  expect(whole.missing).toEqual([`${topic}.missing`]);
  expect(recordsIn(whole)).toBe(30_006);
  const open = await transactions.transaction();
  await open.send({ topic, messages: [{ partition: 1, value: "open" }] });
  await send(0, ["too late"]);
  expect(await read(whole)).toEqual({ 0: numbers, 1: ["committed"] });
  // The records of an open transaction are after the end.
  expect(await read(await rangeOf(admin, [topic]))).toEqual({ 0: [...numbers, "too late"], 1: ["committed"] });
  await open.abort();

  const sinceMs = Date.now();
  await until("a later millisecond", () => Date.now() > sinceMs);
  await send(2, ["new"]);
  expect(await read(await rangeOf(admin, [topic], sinceMs))).toEqual({ 2: ["new"] });
  const middle = { from: new Map([[topic, new Map([[0, 29_998n]])]]), to: new Map([[topic, new Map([[0, 29_999n]])]]) };
  expect(await read(middle)).toEqual({ 0: ["29998"] });

  await expect(readRange(clients, whole, () => Promise.reject(new Error("full")))).rejects.toThrow("full");
  const stop = new AbortController();
  const stopped = readRange(clients, whole, () => stop.abort(new Error("stopped")), { stop: stop.signal });
  await expect(stopped).rejects.toThrow("stopped");

  const { groups } = await admin.listGroups();
  expect(groups.filter(({ groupId }) => groupId.startsWith(topic))).toEqual([]);
  await admin.deleteTopics({ topics: [topic] });
  await Promise.all([admin.disconnect(), producer.disconnect(), transactions.disconnect()]);
});

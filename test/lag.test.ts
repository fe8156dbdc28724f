import { afterAll, expect, test } from "bun:test";
import type { Producer } from "kafkajs";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { lagOf } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";

const names = namesOf(import.meta.path);
const { config, groupId, topic } = names;
const log = openLog("test-lag", "fatal");

afterAll(() => dropKeyspace(config));

/** The number of occupied offsets in all partitions of the topic. */
async function endOf() {
  const admin = openKafka(config, "test-lag", log).admin();
  await admin.connect();
  try {
    return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  } finally {
    await admin.disconnect();
  }
}

/** Sends a record to each partition inside a transaction, and ends it. */
async function inTransaction(producer: Producer, value: Buffer, end: "commit" | "abort") {
  const transaction = await producer.transaction();
  const messages = Array.from({ length: config.kafka.partitions }, (_, partition) => ({ partition, value }));
  await transaction.send({ topic, acks: -1, messages });
  await transaction[end]();
}

test("the lag of an idle topic is 0 after an aborted or committed transaction, for the consumer and for admin clients", async () => {
  const recorder = await openRecorder(names);
  const consumer = startConsumer(names);
  const producer = openKafka(config, "test-lag", log).producer({
    transactionalId: topic,
    maxInFlightRequests: 1,
    idempotent: true,
  });
  await producer.connect();
  let end = 0;
  const lagIsZero = async () => {
    // Markers are written shortly after the transaction ends.
    await until("the log has its markers", async () => (await endOf()) === end);
    const lags = () => Promise.all([lagOf(config, groupId, topic), consumer.metric("consumer_lag_records")]);
    await until("the lag is 0", async () => Bun.deepEquals(await lags(), [0, 0]));
  };

  await recorder.sendUsers(100);
  end += 100;
  await lagIsZero();
  for (const outcome of ["abort", "abort", "commit", "abort"] as const) {
    await inTransaction(producer, Buffer.from("no user"), outcome);
    end += 2 * config.kafka.partitions;
    await lagIsZero();
  }
  expect(await consumer.metric("consumer_records_total", { outcome: "dead_lettered" })).toBe(config.kafka.partitions);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  expect(await lagOf(config, groupId, topic)).toBe(0);
  await producer.disconnect();
  await recorder.close();
});

import { expect, test } from "bun:test";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows } from "./support/cassandra.ts";
import { lagOf } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";
import { damage, storedBatches } from "./support/segments.ts";

test("a damaged batch is named, what lies before it and in other partitions is stored", async () => {
  const names = namesOf(import.meta.path, { KAFKA_PARTITIONS: "3" });
  const { topic, groupId, config } = names;
  const recorder = await openRecorder(names);
  for (let batch = 0; batch < 3; batch++) await recorder.sendUsers(300); // a batch for each partition
  const [, damaged] = storedBatches(topic, 1);
  damage(damaged!);

  const consumer = startConsumer(names);
  const batches = [0, 1, 2].map((partition) => storedBatches(topic, partition));
  const unread = batches[1]!.slice(1).reduce((sum, batch) => sum + Number(batch.lastOffset - batch.baseOffset) + 1, 0);
  await until("all else is stored", async () => (await readRows(config)).size === 900 - unread);
  const { baseOffset, lastOffset } = damaged!;
  const why = `topic ${topic}, partition 1: the batch at offset ${baseOffset} cannot be read: checksum mismatch`;
  await until("it is named", async () => (await consumer.readiness()).includes(why));
  expect(await consumer.status("/readyz")).toBe(503);
  expect(await consumer.status("/healthz")).toBe(200);
  expect(await consumer.output()).toContain(
    `msg="batch cannot be read" topic=${topic} partition=1 offset=${baseOffset} lastOffset=${lastOffset} detail="checksum mismatch"`,
  );

  await recorder.sendUsers(300);
  await until("others still arrive", async () => (await readRows(config)).size > 900 - unread + 100);
  expect(await lagOf(config, groupId, topic)).toBeGreaterThanOrEqual(unread);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  await recorder.close();
  await dropKeyspace(config);
}, 120_000);

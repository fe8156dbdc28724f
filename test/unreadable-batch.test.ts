import { expect, test } from "bun:test";
import { type Changes, openTopicChanges } from "../operations/topic-changes.ts";
import { rangeOf } from "../operations/topic-log.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows } from "./support/cassandra.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { type Names, namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";
import { bytesOf, damage, storedBatches } from "./support/segments.ts";

test("a damaged batch is named, all others are stored, and `skip` moves past it and keeps its bytes", async () => {
  const names = namesOf(import.meta.path, { KAFKA_PARTITIONS: "3" });
  const { topic, groupId, config, env } = names;
  const recorder = await openRecorder(names);
  for (let batch = 0; batch < 3; batch++) await recorder.sendUsers(300); // a batch for each partition
  const [, damaged] = storedBatches(topic, 1);
  damage(damaged!);

  const consumer = startConsumer(names);
  const batches = [0, 1, 2].map((partition) => storedBatches(topic, partition));
  const unread = batches[1]!.slice(1).reduce((sum, batch) => sum + Number(batch.lastOffset - batch.baseOffset) + 1, 0);
  await until("all others are stored", async () => (await readRows(config)).size === 900 - unread);
  const { baseOffset, lastOffset } = damaged!;
  const why = `topic ${topic}, partition 1: the batch at offset ${baseOffset} cannot be read: checksum mismatch; \`bun run skip ${topic} 1 ${baseOffset} --because`;
  await until("it is named", async () => (await consumer.readiness()).includes(why));
  expect(await consumer.status("/readyz")).toBe(503);
  expect(await consumer.status("/healthz")).toBe(200);
  expect(await consumer.output()).toContain(
    `msg="batch cannot be read" topic=${topic} partition=1 offset=${baseOffset} lastOffset=${lastOffset} detail="checksum mismatch"`,
  );

  await recorder.sendUsers(300);
  await until("other records still arrive", async () => (await readRows(config)).size > 900 - unread + 100);
  expect(await lagOf(config, groupId, topic)).toBeGreaterThanOrEqual(unread);

  await expect(recordsRead(names)).rejects.toThrow(
    `topic ${topic}, partition 1: the batch of offsets ${baseOffset} to ${lastOffset} cannot be read: checksum mismatch`,
  );

  const skip = async (offset: bigint) => {
    const program = startProgram(
      "operate/main.ts",
      ["skip", topic, "1", String(offset), "--because", "damaged by a test"],
      env,
    );
    return { code: await program.exited, output: await program.output() };
  };
  // Refused while the group has members and for another batch; then it succeeds once and keeps the bytes.
  const refused = await skip(baseOffset);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.output).toContain(`the group ${groupId} has members`);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  expect((await skip(lastOffset + 1n)).output).toContain(
    `is blocked at the batch of offsets ${baseOffset} to ${lastOffset}`,
  );
  expect(await readTopic(config, config.kafka.deadLetterTopic)).toEqual([]);
  for (const message of ["batch skipped", "nothing to skip"]) {
    const { code, output } = await skip(baseOffset);
    expect(output).toContain(message);
    expect(code).toBe(0);
  }
  const [letter, ...others] = await readTopic(config, config.kafka.deadLetterTopic);
  expect(others).toEqual([]);
  expect(letter?.value).toEqual(bytesOf(damaged!));
  expect(letter?.headers).toEqual({
    "__connect.errors.topic": topic,
    "__connect.errors.partition": "1",
    "__connect.errors.offset": String(baseOffset),
    "__connect.errors.exception.class.name": "unreadable_batch",
    "__connect.errors.exception.message": "checksum mismatch",
    "source.last_offset": String(lastOffset),
    because: "damaged by a test",
  });

  // Other readers of the topics skip it as well.
  expect(await recordsRead(names)).toBe(1_200 - Number(lastOffset - baseOffset) - 1);

  const next = startConsumer(names);
  await until("the rest is stored", async () => (await lagOf(config, groupId, topic)) === 0);
  const lost = Number(lastOffset - baseOffset) + 1;
  expect((await readRows(config)).size).toBe(1_200 - lost);
  await until("it is ready", async () => (await next.status("/readyz")) === 200);
  next.signal("SIGTERM");
  expect(await next.exited).toBe(0);
  await recorder.close();
  await dropKeyspace(config);
});

/** How many records the topics have, read as `bun run rebuild` does. */
async function recordsRead({ config }: Names): Promise<number> {
  const log = openLog("test-read", "fatal");
  const kafka = openKafka(config, "test-read", log);
  const admin = kafka.admin();
  await admin.connect();
  try {
    const registry = openRegistry(config.schemaRegistry);
    const changes = openTopicChanges({ kafka, admin, registry, config, log });
    let count = 0;
    const add = ({ records }: Changes) => {
      count += records;
    };
    await changes.read(await rangeOf(admin, changes.topics), add, new AbortController().signal);
    return count;
  } finally {
    await admin.disconnect();
  }
}

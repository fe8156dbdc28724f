import { expect, test } from "bun:test";
import { join } from "node:path";
import { ConfigResourceTypes } from "kafkajs";
import { encode } from "../contract/wire.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder, type Recorder } from "./faults/records.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { lagOf } from "./support/kafka.ts";
import { expectNothingLost } from "./support/ledger.ts";
import { type Names, namesOf } from "./support/names.ts";
import { type StoredBatch, storedBatches } from "./support/segments.ts";

/** In the order of their numbers in Kafka. */
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
/** A batch with more records than this has more than one block of 64 KiB. */
const severalBlocks = 200n;

test("records compressed by librdkafka and by Kafka's Java code are stored with every codec, in one block and in several", async () => {
  const names = namesOf(import.meta.path, { KAFKA_PARTITIONS: "1" });
  const recorder = await openRecorder(names);
  const users = new Map<string, ReturnType<typeof newUser>>();
  for (const codec of codecs)
    for (const count of [1, 1_500])
      for (const user of await sendByLibrdkafka(names, codec, count, recorder)) users.set(user.id, user);
  const sent = storedBatches(names.topic, 0).length;
  expectEveryCodec(storedBatches(names.topic, 0));
  for (const number of codecs.keys()) await sendByBroker(names, number, recorder);
  expectEveryCodec(storedBatches(names.topic, 0).slice(sent));

  const consumer = startConsumer(names);
  await until("the lag is 0", async () => (await lagOf(names.config, names.groupId, names.topic)) === 0);
  await expectNothingLost(names.config, new Map([...recorder.acknowledged, ...users]));
  expect(await consumer.metric("consumer_records_total", { outcome: "dead_lettered" })).toBe(0);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  await recorder.close();
  await dropKeyspace(names.config);
});

function expectEveryCodec(batches: StoredBatch[]) {
  for (const number of codecs.keys()) {
    const counts = batches
      .filter(({ codec }) => codec === number)
      .map(({ baseOffset, lastOffset }) => lastOffset - baseOffset + 1n);
    expect(counts).toContain(1n);
    expect(counts.some((count) => count > severalBlocks)).toBe(true);
  }
}

async function sendByLibrdkafka({ config, topic }: Names, codec: string, count: number, { schemaId }: Recorder) {
  const users = Array.from({ length: count }, newUser);
  const script = join(import.meta.dir, "support", "librdkafka.py");
  const python = Bun.spawn([process.env.PYTHON ?? "python3", script, config.kafka.brokers.join(), topic, codec], {
    stdin: Buffer.from(users.map((user) => `${user.id} ${encode(user, schemaId).toString("base64")}\n`).join("")),
    stdout: "inherit",
    stderr: "inherit",
  });
  expect(await python.exited).toBe(0);
  return users;
}

/** The broker recompresses records with the topic's codec. */
async function sendByBroker({ config, topic }: Names, number: number, recorder: Recorder) {
  const admin = openKafka(config, "test-compression", openLog("test-compression", "error")).admin();
  await admin.connect();
  const configEntries = [{ name: "compression.type", value: number === 0 ? "uncompressed" : codecs[number]! }];
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });
  await admin.disconnect();
  await until(`the broker compresses with ${codecs[number]}`, async () => {
    await recorder.sendUsers(1);
    return storedBatches(topic, 0).at(-1)?.codec === number;
  });
  await recorder.sendUsers(500);
}

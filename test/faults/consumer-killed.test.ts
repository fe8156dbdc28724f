import { expect, test } from "bun:test";
import { until } from "../../runtime/until.ts";
import { dropKeyspace } from "../support/cassandra.ts";
import { lagOf } from "../support/kafka.ts";
import { expectNothingLost } from "../support/ledger.ts";
import { namesOf } from "../support/names.ts";
import { type StartedConsumer, startConsumer } from "./consumer.ts";
import { openRecorder } from "./records.ts";

// Six seconds is the minimum that Kafka allows by default.
const names = namesOf(import.meta.path, { CONSUMER_SESSION_TIMEOUT_MS: "6000", CONSUMER_SLICE_ROWS: "100" });

const storesRecords = (consumer: StartedConsumer) =>
  until(
    "the consumer stores records",
    async () => (await consumer.metric("consumer_records_total", { outcome: "stored" })) > 0,
    {
      everyMs: 20,
    },
  );

test("two consumers that share the partitions, each killed five times during 50,000 records, lose none", async () => {
  const recorder = await openRecorder(names);
  const over = new AbortController();
  // To the end there are records for both: on a slow machine the kills take longer than the 50,000.
  const flow = recorder.flow(50_000, 1_250).then(() => recorder.flow(Number.POSITIVE_INFINITY, 100, over.signal));

  for (let round = 0; round < 5; round++) {
    const consumers = [startConsumer(names), startConsumer(names)];
    await Promise.all(consumers.map(storesRecords));
    for (const consumer of consumers) consumer.signal("SIGKILL");
    expect(await Promise.all(consumers.map(({ exited }) => exited))).toEqual([137, 137]);
  }

  const consumer = startConsumer(names);
  over.abort();
  await flow;
  await until("the lag is 0", async () => (await lagOf(names.config, names.groupId, names.topic)) === 0);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  expect(recorder.acknowledged.size).toBeGreaterThanOrEqual(50_000);
  await expectNothingLost(names.config, recorder.acknowledged);
  await recorder.close();
  await dropKeyspace(names.config);
});

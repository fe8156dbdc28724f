// Runs in turn: it uses the stack's consumer and topic.
import { expect, test } from "bun:test";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { until } from "../../runtime/until.ts";
import { type Config, loadConfig } from "../../sources/config.ts";
import { lagOf } from "../support/kafka.ts";
import { startProgram } from "../support/program.ts";
import { damage, storedBatches } from "../support/segments.ts";
import { controlStack } from "../support/stack.ts";
import { openRecorder } from "./records.ts";

test("`bun run skip` stops the stack's consumer, moves it past a damaged batch and starts it again", async () => {
  const config = loadConfig();
  const { topic } = config.kafka;
  const control = await controlStack();
  const recorder = await openRecorder({ config });
  await control.stop("consumer");
  const before = storedBatches(topic, 0).length;
  await recorder.sendUsers(100);
  const damaged = storedBatches(topic, 0)[before]!;
  damage(damaged);
  await control.start("consumer");

  const readiness = async () => fetch(new URL("/readyz", process.env.CONSUMER_URL));
  const command = `bun run skip ${topic} 0 ${damaged.baseOffset}`;
  await until("the batch is named", async () => (await (await readiness()).text()).includes(command));
  const skip = startProgram(
    "stack/main.ts",
    ["skip", topic, "0", String(damaged.baseOffset), "--because", "damaged by a test"],
    process.env as Record<string, string>,
  );
  expect(await skip.exited).toBe(0);
  await until("the consumer is ready", async () => (await readiness()).ok);
  await until("the lag is 0", async () => (await lagOf(config, config.consumer.groupId, topic)) === 0);
  await recorder.close();
  await deleteUpTo(config, topic, damaged.lastOffset);
});

/** Deletes the records up to the damaged batch: the topic is the stack's own, and other tests read all of it. */
async function deleteUpTo(config: Config, topic: string, lastOffset: bigint) {
  const admin = openKafka(config, "test-skip", openLog("test-skip", "error")).admin();
  await admin.connect();
  try {
    await admin.fetchTopicOffsets(topic); // kafkajs finds the leader only of topics that it has metadata for
    const partitions = [{ partition: 0, offset: String(lastOffset + 1n) }];
    await admin.deleteTopicRecords({ topic, partitions });
  } finally {
    await admin.disconnect();
  }
}

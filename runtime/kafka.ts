import { type Admin, type ITopicConfig, Kafka, KafkaJSError, KafkaJSNumberOfRetriesExceeded, logLevel } from "kafkajs";
// @ts-expect-error: kafkajs declares no types for its inner files
import RequestQueue from "kafkajs/src/network/requestQueue";
import type { Config } from "./config.ts";
import { patchFetchResponse } from "./kafka/fetch-response.ts";
import { patchNullHeaders } from "./kafka/null-headers.ts";
import { logCreatorOf } from "./kafka-log.ts";
import type { Log } from "./log.ts";
import { retry } from "./retry.ts";
import { until } from "./until.ts";

process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";

// After every answer kafkajs 2.2.4 sets a timer of a negative delay that sets itself anew: a thousand wake-ups a second
// for each connection, for ever, and a TimeoutNegativeWarning. It is of use only while requests wait.
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function (this: { pending: unknown[] }) {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

patchFetchResponse();
patchNullHeaders();

/**
 * A kafkajs client whose log goes to the program's own. `clientId` names the program on the broker; `retries` is how
 * often a request is tried again (8: about 15 seconds).
 */
export function openKafka({ kafka }: Pick<Config, "kafka">, clientId: string, log: Log, retries = 8): Kafka {
  return new Kafka({
    clientId,
    brokers: kafka.brokers,
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries },
    logLevel: logLevel.WARN,
    logCreator: logCreatorOf(log),
  });
}

/** Waits until Kafka answers, for ever, and creates the topics that are missing. */
export async function prepareKafka(
  config: Pick<Config, "kafka" | "cdc">,
  clientId: string,
  log: Log,
  stop: AbortSignal,
) {
  const { brokers, topic, deadLetterTopic } = config.kafka;
  const prepare = async () => {
    const admin = openKafka(config, clientId, log, 0).admin();
    try {
      await admin.connect();
      await createTopics(admin, config);
    } finally {
      await admin.disconnect();
    }
  };
  await retry(prepare, { what: `connect to Kafka at ${brokers.join(", ")}`, while: () => true, stop, log });
  log.info("Kafka is ready", { topic, deadLetterTopic });
}

const topicsKnownWithinMs = 15_000;
const keepForEver = { name: "retention.ms", value: "-1" };
const maxMessageMiB = (mebibytes: number) => ({ name: "max.message.bytes", value: String(mebibytes * 1024 ** 2) });

/**
 * Creates the topic of users, its dead-letter topic and, where changes are applied, their topic, whichever is missing.
 * All are kept for ever: two can rebuild the table, the other holds what is stored nowhere else. Changes have one
 * partition, and so PostgreSQL's own order. A dead letter carries headers on top of an original that may be as large as
 * its topic takes, so the dead-letter topic takes more than the others.
 */
export async function createTopics(admin: Admin, { kafka, cdc }: Pick<Config, "kafka" | "cdc">): Promise<void> {
  const { topic, deadLetterTopic, changeTopic, partitions, replicationFactor } = kafka;
  const one = { numPartitions: 1, replicationFactor };
  const wanted: ITopicConfig[] = [
    { topic, numPartitions: partitions, replicationFactor, configEntries: [keepForEver] },
    { topic: deadLetterTopic, ...one, configEntries: [keepForEver, maxMessageMiB(17)] },
    ...(cdc.apply ? [{ topic: changeTopic, ...one, configEntries: [keepForEver, maxMessageMiB(16)] }] : []),
  ];
  const missing = async () => {
    const existing = new Set(await admin.listTopics());
    return wanted.filter((each) => !existing.has(each.topic));
  };
  const topics = await missing();
  if (topics.length === 0) return;
  await admin.createTopics({ topics, waitForLeaders: false });
  // Brokers learn of a topic a little after it was created, which kafkajs, waiting for leaders, takes for a failure.
  const known = async () => (await missing()).length === 0;
  await until(`Kafka shows the topics that it created: ${topic}, …`, known, {
    withinMs: topicsKnownWithinMs,
    everyMs: 50,
  });
}

/** Whether Kafka may take the same request another time: it is away, restarting, or its answer got lost. */
export const isTransient = (error: unknown): boolean =>
  error instanceof KafkaJSError && (error.retriable || error instanceof KafkaJSNumberOfRetriesExceeded);

import { type Admin, type ITopicConfig, Kafka, KafkaJSError, KafkaJSNumberOfRetriesExceeded, logLevel } from "kafkajs";
// @ts-expect-error: kafkajs declares no types for its inner files
import RequestQueue from "kafkajs/src/network/requestQueue";
import { forgottenTopicOf, settledTopicOf } from "../contract/entity.ts";
import { accessErrorIn } from "./access-error.ts";
import type { Config } from "./config.ts";
import { patchAccess } from "./kafka/access.ts";
import { patchFetchResponse } from "./kafka/fetch-response.ts";
import { noteTopics, patchGrants } from "./kafka/grants.ts";
import { saslOptions } from "./kafka/login.ts";
import { patchNullHeaders } from "./kafka/null-headers.ts";
import { logCreatorOf } from "./kafka-log.ts";
import type { Log } from "./log.ts";
import { retry } from "./retry.ts";
import { tlsOptions } from "./tls.ts";
import { until } from "./until.ts";

process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";

// After every response kafkajs 2.2.4 sets a timer with a negative delay that keeps rescheduling itself: a thousand
// wake-ups per second and connection, and a TimeoutNegativeWarning. The timer is needed only while requests are
// pending.
const { scheduleCheckPendingRequests } = RequestQueue.prototype;
RequestQueue.prototype.scheduleCheckPendingRequests = function (this: { pending: unknown[] }) {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};

patchAccess();
patchGrants();
patchFetchResponse();
patchNullHeaders();

/**
 * A kafkajs client that logs to the program's own log. Connecting fails at once, with an AccessError, where waiting does not
 * help: a wrong certificate, name or password. `clientId` names the program on the broker; `retries` is how
 * often a request is retried (8: about 15 seconds), and `requestTimeoutMs` how long the broker may take to answer one.
 */
export function openKafka(
  { kafka }: Pick<Config, "kafka">,
  clientId: string,
  log: Log,
  retries = 8,
  requestTimeoutMs = 30_000,
): Kafka {
  const sasl = saslOptions(kafka);
  noteTopics([
    kafka.topic,
    kafka.deadLetterTopic,
    settledTopicOf(kafka.deadLetterTopic),
    forgottenTopicOf(kafka.topic),
    kafka.changeTopic,
    kafka.editTopic,
  ]);
  return new Kafka({
    clientId,
    brokers: kafka.brokers,
    ...(kafka.tls && { ssl: tlsOptions(kafka) }),
    ...(sasl && { sasl }),
    connectionTimeout: 5_000,
    requestTimeout: requestTimeoutMs,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries },
    logLevel: logLevel.WARN,
    logCreator: logCreatorOf(log),
  });
}

/** Waits indefinitely until Kafka responds, then creates the missing topics. */
export async function prepareKafka(
  config: Pick<Config, "kafka" | "cdc">,
  clientId: string,
  log: Log,
  stop: AbortSignal,
) {
  const { brokers, topic, deadLetterTopic } = config.kafka;
  await retry(() => createTopicsOnce(openKafka(config, clientId, log, 0), config), {
    what: `connect to Kafka at ${brokers.join(", ")}`,
    while: (error) => accessErrorIn(error) === undefined,
    stop,
    log,
  });
  log.info("Kafka is ready", { topic, deadLetterTopic });
}

/** Creates the missing topics, without retrying. */
export async function createTopicsOnce(kafka: Kafka, config: Pick<Config, "kafka" | "cdc">) {
  const admin = kafka.admin();
  try {
    await admin.connect();
    await createTopics(admin, config);
  } finally {
    await admin.disconnect();
  }
}

const topicsReadyWithinMs = 15_000;
const unlimitedRetention = { name: "retention.ms", value: "-1" };
const maxMessageMiB = (mebibytes: number) => ({ name: "max.message.bytes", value: String(mebibytes * 1024 ** 2) });

/**
 * The topics that the settings ask for: that of users, that of edits, the dead-letter topic, those that say which dead
 * letters are settled and who was forgotten and, if changes are applied, the change topic. All have unlimited retention: three of them can
 * rebuild the table, and dead letters are stored nowhere else. The topics of users and of edits have equally many
 * partitions, so a user is in the same one of both. The change topic has one partition, which keeps PostgreSQL's own
 * order. A dead letter adds headers to an original that may be as large as its topic allows, so the dead-letter topic has
 * the highest size limit.
 */
export function wantedTopics({ kafka, cdc }: Pick<Config, "kafka" | "cdc">): WantedTopic[] {
  const { topic, deadLetterTopic, changeTopic, editTopic, partitions, replicationFactor } = kafka;
  const one = { numPartitions: 1, replicationFactor };
  return [
    ...[topic, editTopic].map((topic) => ({
      topic,
      numPartitions: partitions,
      replicationFactor,
      configEntries: [unlimitedRetention],
    })),
    { topic: deadLetterTopic, ...one, configEntries: [unlimitedRetention, maxMessageMiB(17)] },
    ...[settledTopicOf(deadLetterTopic), forgottenTopicOf(topic)].map((topic) => ({
      topic,
      ...one,
      configEntries: [{ name: "cleanup.policy", value: "compact" }],
    })),
    ...(cdc.apply ? [{ topic: changeTopic, ...one, configEntries: [unlimitedRetention, maxMessageMiB(16)] }] : []),
  ];
}

type WantedTopic = Required<Pick<ITopicConfig, "topic" | "numPartitions" | "replicationFactor" | "configEntries">>;

/** Creates those of the wanted topics that are missing. */
export async function createTopics(admin: Admin, config: Pick<Config, "kafka" | "cdc">): Promise<void> {
  const wanted = wantedTopics(config);
  const missing = async () => {
    const existing = new Set(await admin.listTopics());
    return wanted.filter((each) => !existing.has(each.topic));
  };
  const topics = await missing();
  if (topics.length === 0) return;
  await admin.createTopics({ topics, waitForLeaders: false });
  // Brokers learn of a new topic with a delay, which kafkajs would report as a failure if it waited for leaders. A
  // leader that is not ready yet refuses records, and kafkajs then also sends again what the other leaders have taken.
  const ready = async () => {
    if ((await missing()).length > 0) return false;
    for (const created of topics) await admin.fetchTopicOffsets(created.topic); // only a leader answers
    return true;
  };
  await until(`Kafka leads the topics that it created: ${config.kafka.topic}, …`, ready, {
    withinMs: topicsReadyWithinMs,
    everyMs: 50,
  });
}

/** Whether the same request may succeed when retried: Kafka is unavailable, restarting, or its response was lost. */
export const isTransient = (error: unknown): boolean =>
  error instanceof KafkaJSError &&
  accessErrorIn(error) === undefined &&
  (error.retriable || error instanceof KafkaJSNumberOfRetriesExceeded);

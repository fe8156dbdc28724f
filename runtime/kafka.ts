import { type Admin, Kafka, logLevel } from "kafkajs";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";

// kafkajs compares timers with a clock that Bun reads a little later; the warning means nothing.
process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";

const levels = {
  [logLevel.ERROR]: "error",
  [logLevel.WARN]: "warn",
  [logLevel.INFO]: "debug",
  [logLevel.DEBUG]: "debug",
};

/** A kafkajs client whose log goes to the program's own. `clientId` names the program on the broker. */
export function openKafka({ kafka }: Pick<Config, "kafka">, clientId: string, log: Log): Kafka {
  return new Kafka({
    clientId,
    brokers: kafka.brokers,
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      const { message, timestamp: _, logger: __, stack: ___, ...properties } = entry.log;
      log[(levels as Record<number, "error" | "warn" | "debug">)[entry.level] ?? "debug"](
        `kafkajs: ${message}`,
        properties,
      );
    },
  });
}

const keepForEver = { name: "retention.ms", value: "-1" };

/**
 * Creates the topic of users and its dead-letter topic where they are missing. Both are kept for ever: the one can
 * rebuild the table, the other holds what is stored nowhere else. A dead letter carries headers on top of an original
 * that may be as large as the broker takes, so its topic takes more.
 */
export async function createTopics(admin: Admin, { kafka }: Pick<Config, "kafka">): Promise<void> {
  const { topic, deadLetterTopic, partitions, replicationFactor } = kafka;
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      { topic, numPartitions: partitions, replicationFactor, configEntries: [keepForEver] },
      {
        topic: deadLetterTopic,
        numPartitions: 1,
        replicationFactor,
        configEntries: [keepForEver, { name: "max.message.bytes", value: String(4 * 1024 * 1024) }],
      },
    ],
  });
}

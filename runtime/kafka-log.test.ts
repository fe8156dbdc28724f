import { expect, test } from "bun:test";
import { logLevel } from "kafkajs";
import { levelOf } from "./kafka-log.ts";

const entry = (namespace: string, level: logLevel, message: string, more = {}) => ({
  namespace,
  level,
  log: { message, timestamp: "", logger: "kafkajs", ...more },
});
const notLeader = "This server is not the leader for that topic-partition";

test.each([
  ["debug", entry("Connection", logLevel.ERROR, "Response Produce(key: 0, version: 7)", { error: notLeader })],
  [
    "debug",
    entry("Producer", logLevel.ERROR, `Failed to send messages: ${notLeader}`, { retryCount: 0, retryTime: 109 }),
  ],
  [
    "warn",
    entry("Producer", logLevel.ERROR, `Failed to send messages: ${notLeader}`, { retryCount: 3, retryTime: 800 }),
  ],
  [
    "warn",
    entry("BrokerPool", logLevel.ERROR, "Failed to connect to seed broker", { retryCount: 9, retryTime: 5_000 }),
  ],
  ["warn", entry("Consumer", logLevel.ERROR, "Crash: KafkaJSNumberOfRetriesExceeded", { retryCount: 0 })],
  ["debug", entry("Runner", logLevel.ERROR, "Error when calling eachBatch", { error: new Error("ours") })],
  ["warn", entry("ConsumerGroup", logLevel.WARN, "Consumer is not aware of all assigned partitions")],
  ["debug", entry("Consumer", logLevel.INFO, "Starting")],
] as const)("%s: %o", (level, logged) => {
  expect(levelOf(logged)).toBe(level);
});

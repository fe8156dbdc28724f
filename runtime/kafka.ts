import { Kafka, KafkaJSError, KafkaJSNumberOfRetriesExceeded, logLevel } from "kafkajs";
// @ts-expect-error: kafkajs declares no types for its inner files
import RequestQueue from "kafkajs/src/network/requestQueue";
import { forgottenTopicOf, settledTopicOf } from "../contract/entity.ts";
import { accessErrorIn } from "./access-error.ts";
import type { Config } from "./config.ts";
import { patchAccess } from "./kafka/access.ts";
import { patchBrokersAway, reachable } from "./kafka/brokers-away.ts";
import { patchFetchResponse } from "./kafka/fetch-response.ts";
import { patchFetchSizes } from "./kafka/fetch-sizes.ts";
import { noteTopics, patchGrants } from "./kafka/grants.ts";
import { patchLeaderless } from "./kafka/leaderless.ts";
import { saslOptions } from "./kafka/login.ts";
import { patchNullHeaders } from "./kafka/null-headers.ts";
import { sendWhole } from "./kafka/whole-sends.ts";
import { logCreatorOf } from "./kafka-log.ts";
import type { Log } from "./log.ts";
import { tlsOptions } from "./tls.ts";

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
patchFetchSizes();
patchBrokersAway();
patchLeaderless();
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
  requestTimeoutMs = 10_000,
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
  const client = new Kafka({
    clientId,
    // kafkajs begins with the first of a list each time, so a client that tries once would never get past it.
    brokers: () => reachable(kafka.brokers),
    ...(kafka.tls && { ssl: tlsOptions(kafka) }),
    ...(sasl && { sasl }),
    connectionTimeout: 5_000,
    requestTimeout: requestTimeoutMs,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries },
    logLevel: logLevel.WARN,
    logCreator: logCreatorOf(log),
  });
  return sendWhole(client);
}

/** Whether the same request may succeed when retried: Kafka is unavailable, restarting, or its response was lost. */
export const isTransient = (error: unknown): boolean =>
  error instanceof KafkaJSError &&
  accessErrorIn(error) === undefined &&
  (error.retriable || error instanceof KafkaJSNumberOfRetriesExceeded);

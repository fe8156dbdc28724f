import { forgottenTopicOf } from "../contract/entity.ts";
import { partitionLags } from "../operations/lag.ts";
import { prepareCassandra } from "../operations/prepare-cassandra.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import { prepareKafka } from "../runtime/kafka/topics.ts";
import { isTransient, openKafka } from "../runtime/kafka.ts";
import { run, StoppedError } from "../runtime/lifecycle.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { openMetrics } from "../runtime/metrics.ts";
import { openRegistry } from "../runtime/registry.ts";
import { retry } from "../runtime/retry.ts";
import { type Watchdog, watchLoop } from "../runtime/watchdog.ts";
import { configure } from "../sources/config.ts";
import { openSink } from "../stream/cassandra/sink.ts";
import type { Note } from "../stream/change.ts";
import { type Forgotten, withoutForgotten } from "../stream/forgotten/forgotten.ts";
import { followForgotten } from "../stream/forgotten/notes.ts";
import { openRoutes } from "../stream/routes.ts";
import { consume } from "./consume.ts";
import { openDeadLetterLimit } from "./dead-letter-limit.ts";
import { openDeadLetters } from "./dead-letters.ts";
import { declareMetrics, type Metrics } from "./metrics.ts";
import { observe } from "./observe.ts";
import { openProgress } from "./progress.ts";
import { readinessChecks } from "./readiness.ts";

/** How long closing the connections may take before the process exits without waiting, in milliseconds. */
const closeWithinMs = 2_000;

await run(openLog("consumer"), async (stop) => {
  const { config, log } = configure("consumer");
  const watchdog = watchLoop("consumer");
  const registry = openMetrics();
  const metrics = declareMetrics(registry);
  const clients = openClients(config, log);
  const { kafka, cassandra, producer, admin } = clients;
  const { groupId, sessionTimeoutMs, stalledAfterMs } = config.consumer;
  const progress = openProgress({ metrics, sessionTimeoutMs, stalledAfterMs });
  const table: Table = {};
  const refresh = () => progress.refreshLag((topic) => partitionLags(admin, groupId, topic));
  const checks = readinessChecks({
    groupId,
    cassandra,
    progress,
    unfit: () => [table.topics, table.unfit].filter((why) => why !== undefined),
    refresh,
  });
  const server = observe({ config, registry, log, refresh, checks });

  try {
    await connect(clients, table, config, log, stop);
    const forgotten = await followForgotten({ kafka, topic: forgottenTopicOf(config.kafka.topic), log }, stop);
    await consume(
      {
        kafka,
        config,
        ...routesOf(config, forgotten, watchdog, metrics, log),
        sink: openSink({ cassandra, keyspace: config.cassandra.keyspace, metrics, log }),
        deadLetters: openDeadLetters({
          send: (messages) => producer.send({ topic: config.kafka.deadLetterTopic, acks: -1, messages }),
          isTransient,
          topic: config.kafka.deadLetterTopic,
          metrics,
          log,
        }),
        deadLetterExcess: openDeadLetterLimit(config.consumer),
        progress,
        metrics,
        log,
      },
      stop,
    );
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error; // stopped while waiting for a service
  } finally {
    const closing = [producer.disconnect(), admin.disconnect(), cassandra.shutdown(), server.stop(true)];
    await Promise.race([Promise.allSettled(closing), Bun.sleep(closeWithinMs)]);
  }
});

function openClients(config: Config, log: Log) {
  // A node that hangs is given up while there is time to ask another one before the group gives up this consumer.
  const answerWithinMs = config.consumer.sessionTimeoutMs / 2;
  const cassandra = openCassandra(config, "consumer", answerWithinMs);
  const kafka = openKafka(config, "consumer", log, Number.MAX_SAFE_INTEGER, answerWithinMs);
  // kafkajs does not retry here: our own retries are counted, logged and ended by a stop.
  const producer = openKafka(config, "consumer", log, 0, answerWithinMs).producer({ allowAutoTopicCreation: false });
  return { cassandra, kafka, producer, admin: kafka.admin() };
}

/** The table in Cassandra: why it cannot be used as it is. */
interface Table {
  unfit?: string;
  /** Which topics are missing that only somebody else can create. */
  topics?: string;
}

type Clients = ReturnType<typeof openClients>;

/** Waits until Kafka and Cassandra are ready. */
async function connect(clients: Clients, table: Table, config: Config, log: Log, stop: AbortSignal) {
  const { cassandra, producer, admin } = clients;
  const onUnfit = (why: string) => {
    table.unfit = why;
  };
  const onMissing = (why: string) => {
    table.topics = why;
  };
  await Promise.all([
    prepareKafka(config, "consumer", log, stop, onMissing).then(() => delete table.topics),
    prepareCassandra(cassandra, config, log, stop, onUnfit).then(() => delete table.unfit),
  ]);
  const connectProducer = () => producer.connect();
  await retry(connectProducer, { what: "connect to Kafka for dead letters", while: isTransient, stop, log });
  await admin.connect();
}

/** The routes by topic, and what to call when partitions are assigned. */
function routesOf(config: Config, forgotten: Forgotten, watchdog: Watchdog, metrics: Metrics, log: Log) {
  const registry = openRegistry(config.schemaRegistry);
  const noteOf =
    (topic: string): Note =>
    (messages, partition) =>
      watchdog.note({ topic, partition, offset: messages[0]!.offset, lastOffset: messages.at(-1)!.offset });
  const { routes, restart } = openRoutes({ config, registry, noteOf, metrics, log });
  const kept = [...routes].map(([topic, route]) => [topic, withoutForgotten(route, forgotten)] as const);
  return { routes: new Map(kept), onAssignment: restart };
}

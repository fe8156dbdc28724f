import { openCassandra, prepareCassandra } from "../runtime/cassandra.ts";
import { loadConfig } from "../runtime/config.ts";
import { isTransient, openKafka, prepareKafka } from "../runtime/kafka.ts";
import { partitionLags } from "../runtime/lag.ts";
import { run, StoppedError } from "../runtime/lifecycle.ts";
import { openLog } from "../runtime/log.ts";
import { openMetrics } from "../runtime/metrics.ts";
import { openRegistry } from "../runtime/registry.ts";
import { retry } from "../runtime/retry.ts";
import { watchLoop } from "../runtime/watchdog.ts";
import { openSink } from "./cassandra/sink.ts";
import type { Message, Route } from "./change.ts";
import { openChangeRoute } from "./change-route.ts";
import { consume } from "./consume.ts";
import { openDeadLetterLimit } from "./dead-letter-limit.ts";
import { openDeadLetters } from "./dead-letters.ts";
import { declareMetrics } from "./metrics.ts";
import { observe } from "./observe.ts";
import { openProgress } from "./progress.ts";
import { readinessChecks } from "./readiness.ts";
import { openSchemas } from "./schemas.ts";
import { sift } from "./sift.ts";

/** How long closing a connection may take before it is left to the process's end, in milliseconds. */
const closeWithinMs = 2_000;

await run(openLog("consumer"), async (stop) => {
  const config = loadConfig();
  const log = openLog("consumer", config.log.level);
  const watchdog = watchLoop("consumer");
  const { topic, deadLetterTopic } = config.kafka;
  const { groupId, maxAheadMs, sessionTimeoutMs, stalledAfterMs } = config.consumer;

  const registry = openMetrics();
  const metrics = declareMetrics(registry);
  const progress = openProgress({ metrics, sessionTimeoutMs, stalledAfterMs });
  const cassandra = openCassandra(config, "consumer");
  const kafka = openKafka(config, "consumer", log, Number.MAX_SAFE_INTEGER);
  // Without retries of its own: ours are counted and logged, and a stop ends them.
  const producer = openKafka(config, "consumer", log, 0).producer({ allowAutoTopicCreation: false });
  const admin = kafka.admin();

  const refresh = () => progress.refreshLag((of) => partitionLags(admin, groupId, of));
  const server = observe({
    config,
    registry,
    log,
    refresh,
    checks: readinessChecks({ groupId, cassandra, progress, refresh }),
  });

  try {
    await Promise.all([prepareKafka(config, "consumer", log, stop), prepareCassandra(cassandra, config, log, stop)]);
    const connect = () => producer.connect();
    await retry(connect, { what: "connect to Kafka for dead letters", while: isTransient, stop, log });
    await admin.connect();

    const readersFor = openSchemas(openRegistry(config.schemaRegistry.url), log);
    // Said right before the records are decoded, which is where a loop that stands still would stand.
    const note = (of: string, partition: number, messages: readonly Message[]) =>
      watchdog.note({ topic: of, partition, offset: messages[0]!.offset, lastOffset: messages.at(-1)!.offset });
    const createdUsers: Route = async (messages, until, partition) => {
      const readers = await readersFor(messages, until);
      note(topic, partition, messages);
      return sift(messages, { readers, now: Date.now(), maxAheadMs });
    };
    const changes = openChangeRoute(maxAheadMs, metrics);
    const userChanges: Route = (messages, until, partition) => {
      note(config.kafka.changeTopic, partition, messages);
      return changes.route(messages, until, partition);
    };
    const routes = new Map([[topic, createdUsers]]);
    if (config.cdc.apply) routes.set(config.kafka.changeTopic, userChanges);

    await consume(
      {
        kafka,
        config,
        routes,
        onAssignment: changes.restart,
        sink: openSink({ cassandra, keyspace: config.cassandra.keyspace, metrics, log }),
        deadLetters: openDeadLetters({
          send: (messages) => producer.send({ topic: deadLetterTopic, acks: -1, messages }),
          isTransient,
          topic: deadLetterTopic,
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
    if (!(error instanceof StoppedError)) throw error; // stopped while it waited for a service that is away
  } finally {
    const closing = [producer.disconnect(), admin.disconnect(), cassandra.shutdown(), server.stop(true)];
    await Promise.race([Promise.allSettled(closing), Bun.sleep(closeWithinMs)]);
  }
});

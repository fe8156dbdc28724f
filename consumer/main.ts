import { partitionLags } from "../operations/lag.ts";
import { openCassandra, prepareCassandra } from "../runtime/cassandra.ts";
import { loadConfig } from "../runtime/config.ts";
import { isTransient, openKafka, prepareKafka } from "../runtime/kafka.ts";
import { run, StoppedError } from "../runtime/lifecycle.ts";
import { openLog } from "../runtime/log.ts";
import { openMetrics } from "../runtime/metrics.ts";
import { openRegistry } from "../runtime/registry.ts";
import { retry } from "../runtime/retry.ts";
import { watchLoop } from "../runtime/watchdog.ts";
import { openSink } from "./cassandra/sink.ts";
import type { Note } from "./change.ts";
import { consume } from "./consume.ts";
import { openCreatedUsersRoute } from "./created-users/route.ts";
import { openDeadLetterLimit } from "./dead-letter-limit.ts";
import { openDeadLetters } from "./dead-letters.ts";
import { declareMetrics } from "./metrics.ts";
import { observe } from "./observe.ts";
import { openProgress } from "./progress.ts";
import { readinessChecks } from "./readiness.ts";
import { openUserChangesRoute } from "./user-changes/route.ts";

/** How long closing a connection may take before it is left to the process's end, in milliseconds. */
const closeWithinMs = 2_000;

// The table of contents: configuration, dependencies, run, release.
await run(openLog("consumer"), async (stop) => {
  const config = loadConfig();
  const log = openLog("consumer", config.log.level);
  const watchdog = watchLoop("consumer");
  const { topic, changeTopic, deadLetterTopic } = config.kafka;
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

    const noteOf =
      (topic: string): Note =>
      (messages, partition) =>
        watchdog.note({ topic, partition, offset: messages[0]!.offset, lastOffset: messages.at(-1)!.offset });
    const createdUsers = openCreatedUsersRoute({
      registry: openRegistry(config.schemaRegistry.url),
      maxAheadMs,
      note: noteOf(topic),
      log,
    });
    const userChanges = openUserChangesRoute({ maxAheadMs, note: noteOf(changeTopic), metrics });
    const routes = new Map([[topic, createdUsers]]);
    if (config.cdc.apply) routes.set(changeTopic, userChanges.route);

    await consume(
      {
        kafka,
        config,
        routes,
        onAssignment: userChanges.restart,
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
    if (!(error instanceof StoppedError)) throw error; // stopped while waiting for a service
  } finally {
    const closing = [producer.disconnect(), admin.disconnect(), cassandra.shutdown(), server.stop(true)];
    await Promise.race([Promise.allSettled(closing), Bun.sleep(closeWithinMs)]);
  }
});

// Runs alone: it freezes Kafka.
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { clusterOf, offsetsAt, readCommitted, readUncommitted, timestamps } from "../../runtime/kafka/cluster.ts";
import { createTopics } from "../../runtime/kafka/topics.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { until } from "../../runtime/until.ts";
import { openInstance } from "../../stack/instance.ts";
import { supervisorOf } from "../../stack/supervisor/client.ts";
import { namesOf } from "../support/names.ts";

setDefaultTimeout(900_000);

/** Longer than a broker's session is by default, in milliseconds. */
const frozenMs = 12_000;
/** How long transactions are committed for after that. */
const committingMs = 1_000;
const producers = 12;

// A broker that the controller takes for dead loses its partitions for a moment, and a transaction that is committed in
// that moment stays open (KAFKA-20734).
test("a Kafka that was frozen keeps its partitions, and what is committed then can be read", async () => {
  const { config, topic } = namesOf(import.meta.path);
  const instance = await openInstance();
  const supervisor = supervisorOf(instance);
  const fences = () =>
    readFileSync(join(instance.folder, "logs", "kafka.log"), "utf8").match(/Fencing broker/g)?.length ?? 0;
  const kafka = openKafka(config, "test-frozen", openLog("test-frozen", "fatal"));
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, config);
  const committers = await Promise.all(
    Array.from({ length: producers }, async (_, index) => {
      const producer = kafka.producer({
        transactionalId: `${topic}.${index}`,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      return async () => {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value: "a", partition: index % config.kafka.partitions }] });
        await transaction.commit();
      };
    }),
  );
  await Promise.all(committers.map((commit) => commit()));

  const fencedBefore = fences();
  await supervisor.signal("kafka", "STOP");
  await wait(frozenMs);
  await supervisor.signal("kafka", "CONT");
  const endsAt = performance.now() + committingMs;
  const counts = await Promise.all(
    committers.map(async (commit) => {
      let count = 0;
      for (; performance.now() < endsAt; count++) await commit().catch(() => {}); // Kafka ends what is left open by that
      return count;
    }),
  );
  expect(Math.min(...counts)).toBeGreaterThan(0);
  expect(fences()).toBeLessThanOrEqual(fencedBefore); // fewer after a rotation of the log

  const cluster = clusterOf(kafka);
  await cluster.connect();
  const ends = (isolationLevel: number) => offsetsAt(cluster, [topic], { isolationLevel, timestamp: timestamps.end });
  await until("everything that was committed can be read", async () => {
    const [readable, all] = [await ends(readCommitted), await ends(readUncommitted)];
    if (!Bun.deepEquals(readable, all))
      throw new Error(`readable up to ${Bun.inspect(readable)} of ${Bun.inspect(all)}`);
    return true;
  });
});

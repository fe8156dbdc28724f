import { expect, test } from "bun:test";
// @ts-expect-error: kafkajs declares no types for its inner files
import { KafkaJSConnectionClosedError } from "kafkajs/src/errors";
import { clusterOf } from "../runtime/kafka/cluster.ts";
import { setFetchSize } from "../runtime/kafka/fetch-sizes.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { namesOf } from "./support/names.ts";

const { config, topic, groupId } = namesOf(import.meta.path);
const log = openLog("test-kafka-client", "fatal");

/** What the tests need of kafkajs's inner files. */
interface Connection {
  socket: { destroy: () => void };
  rejectRequests: (error: Error) => void;
  disconnect: () => Promise<unknown>;
}
interface Broker {
  metadata: (topics: string[]) => Promise<unknown>;
  connectionPool: { host: string; port: number; pool: Connection[] };
}
interface Cluster {
  connect: () => Promise<void>;
  refreshMetadata: () => Promise<void>;
  getNodeIds: () => string[];
  findBroker: (broker: { nodeId: string }) => Promise<Broker>;
  removeBroker: (at: { host: string; port: number }) => void;
  disconnect: () => Promise<void>;
}

/** A client of its own, which tries everything once. */
const openCluster = () => clusterOf(openKafka(config, "test-kafka-client", log, 0)) as unknown as Cluster;

test("a request that is on its way while the connection is closed fails instead of waiting indefinitely", async () => {
  const atMost = 30; // in steps of the event loop's queue: more than sending a request takes
  const outcomes = await Promise.all(
    Array.from({ length: atMost }, async (_, steps) => {
      const cluster = openCluster();
      await cluster.connect();
      await cluster.refreshMetadata();
      const broker = await cluster.findBroker({ nodeId: cluster.getNodeIds()[0]! });
      const connection = broker.connectionPool.pool[0]!;
      const outcome = broker.metadata([]).then(
        () => "answered",
        () => "failed",
      );
      for (let step = 0; step < steps; step++) await undefined;
      // What kafkajs does once the broker has closed the connection.
      connection.socket.destroy();
      connection.rejectRequests(new KafkaJSConnectionClosedError("Closed connection", {}));
      await connection.disconnect();
      // Longer than a request may take.
      return await Promise.race([outcome, Bun.sleep(60_000).then(() => `waits after ${steps} steps`)]);
    }),
  );
  expect(outcomes).toEqual(Array.from({ length: atMost }, () => "failed"));
});

test("the only broker stays known while it is away, so a consumer has one to ask", async () => {
  const cluster = openCluster();
  await cluster.connect();
  await cluster.refreshMetadata();
  const [only] = cluster.getNodeIds();
  const { host, port } = (await cluster.findBroker({ nodeId: only! })).connectionPool;
  // What kafkajs does once the broker has closed the connection of a fetch.
  cluster.removeBroker({ host, port });
  expect(cluster.getNodeIds()).toEqual([only!]);
  await cluster.disconnect();
});

test("a topic with a fetch size of its own is fetched in such parts, and other topics in those of their consumer", async () => {
  const kafka = openKafka(config, "test-kafka-client", log);
  const [usual, larger] = [`${topic}.usual`, `${topic}.larger`];
  const [recordBytes, records] = [10_000, 300];
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: usual }, { topic: larger }] });
  const value = Buffer.alloc(recordBytes);
  // Each record in a batch of its own: a fetch has at least one batch, however large it is.
  for (const to of [usual, larger])
    for (let sent = 0; sent < records; sent++) await producer.send({ topic: to, messages: [{ value }] });

  setFetchSize(larger, 1_000_000);
  const consumer = kafka.consumer({ groupId, maxBytesPerPartition: 250_000 });
  const fetched = new Map<string, number[]>([usual, larger].map((of) => [of, []]));
  await consumer.connect();
  await consumer.subscribe({ topics: [usual, larger], fromBeginning: true });
  await consumer.run({ eachBatch: async ({ batch }) => void fetched.get(batch.topic)?.push(batch.messages.length) });
  const sum = (parts: number[]) => parts.reduce((one, other) => one + other, 0);
  await until("all records are read", () => [...fetched.values()].every((parts) => sum(parts) === records));
  await consumer.disconnect();
  expect(Math.max(...fetched.get(usual)!)).toBe(24); // with 70 bytes of overhead each
  expect(Math.max(...fetched.get(larger)!)).toBe(99);

  await admin.deleteTopics({ topics: [usual, larger] });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
});

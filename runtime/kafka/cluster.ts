import type { Kafka } from "kafkajs";

/** kafkajs's connections to the brokers, and requests to one of them: what is needed of its inner files. */
export interface Cluster {
  connect(): Promise<void>;
  metadata(): Promise<{
    topicMetadata: { topic: string; partitionMetadata: { partitionId: number; leader: number }[] }[];
  }>;
  findBroker(node: { nodeId: number }): Promise<Broker>;
  findGroupCoordinator(given: { groupId: string; coordinatorType: number }): Promise<Broker>;
  disconnect(): Promise<void>;
}
export interface Broker {
  lookupRequest(key: number, definition: unknown): (given: object) => { request: object; response: { parse: unknown } };
  listOffsets(given: object): Promise<{
    responses: { topic: string; partitions: { partition: number; offset: string }[] }[];
  }>;
  initProducerId(given: object): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(given: object): Promise<unknown>;
  endTxn(given: object): Promise<unknown>;
  connectionPool: { send(request: object): Promise<unknown> };
}

export const readUncommitted = 0;
export const readCommitted = 1;
export const timestamps = { end: -1, first: -2 } as const;

/** kafkajs creates it for its own clients only, with the settings of `kafka`. */
export function clusterOf(kafka: Kafka): Cluster {
  const name = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === "private:Kafka:createCluster",
  );
  const create = (kafka as unknown as Record<symbol, (given: object) => Cluster>)[name ?? Symbol()];
  if (!create) throw new Error("this version of kafkajs creates its connections differently");
  return create({ metadataMaxAge: 300_000, allowAutoTopicCreation: false, isolationLevel: readCommitted });
}

/** An offset of each partition, by topic. */
export type OffsetsOf = Map<string, Map<number, bigint>>;

/**
 * The offset of each partition of topics at a timestamp (in milliseconds, or one of `timestamps`), asked of the partitions'
 * leaders; -1 if nothing is as late. Topics that do not exist and partitions without a leader are left out.
 */
export async function offsetsAt(
  cluster: Cluster,
  topics: readonly string[],
  { isolationLevel, timestamp }: { isolationLevel: number; timestamp: number },
): Promise<OffsetsOf> {
  const { topicMetadata } = await cluster.metadata();
  const partitions = topicMetadata
    .filter(({ topic }) => topics.includes(topic))
    .flatMap(({ topic, partitionMetadata }) => partitionMetadata.map((each) => ({ topic, ...each })));
  const led = Map.groupBy(
    partitions.filter(({ leader }) => leader >= 0),
    ({ leader }) => leader,
  );
  const found: OffsetsOf = new Map();
  for (const [nodeId, own] of led) {
    const asked = Map.groupBy(own, ({ topic }) => topic);
    const { responses } = await (await cluster.findBroker({ nodeId })).listOffsets({
      isolationLevel,
      topics: [...asked].map(([topic, each]) => ({
        topic,
        partitions: each.map(({ partitionId }) => ({ partition: partitionId, timestamp })),
      })),
    });
    for (const { topic, partitions } of responses) {
      const offsets = found.get(topic) ?? new Map<number, bigint>();
      for (const { partition, offset } of partitions) offsets.set(partition, BigInt(offset));
      found.set(topic, offsets);
    }
  }
  return found;
}

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
  listOffsets(given: object): Promise<{ responses: { partitions: { partition: number; offset: string }[] }[] }>;
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

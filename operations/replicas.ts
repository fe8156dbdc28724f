import type { Admin, PartitionMetadata } from "kafkajs";
import { topicPrefix } from "../contract/entity.ts";
import type { Config } from "../runtime/config.ts";
import { wantedTopics } from "../runtime/kafka/topics.ts";
import { FinalError } from "../runtime/lifecycle.ts";
import { until } from "../runtime/until.ts";

/** A topic whose partitions have fewer replicas than the settings say. */
export interface ScarceTopic {
  topic: string;
  /** Of the partition that has the fewest. */
  replicas: number;
}

/** Brokers copy the records of what they get; a large topic takes as long as its records take to be sent once. */
const copiedWithinMs = 10 * 60_000;

/**
 * The topics without which the pipeline stops: its own, and those in which Kafka and Kafka Connect keep their state.
 * Heartbeats of Debezium and the like are of no such use.
 */
export const neededTopics = (config: Pick<Config, "kafka" | "cdc">): string[] => [
  ...wantedTopics(config).map(({ topic }) => topic),
  "__consumer_offsets",
  "__transaction_state",
  ...["configs", "offsets", "status"].map((state) => `connect-${state}`),
  `__debezium-heartbeat.${topicPrefix}`,
  `${topicPrefix}.transaction`,
];

/** The partitions of every topic; the leader of one that has none is -1. */
export async function topicsIn(admin: Admin): Promise<Map<string, PartitionMetadata[]>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(topics.map(({ name, partitions }) => [name, partitions]));
}

/** The topics that have fewer replicas than the settings say. */
export function scarceTopics(
  existing: ReadonlyMap<string, PartitionMetadata[]>,
  config: Pick<Config, "kafka" | "cdc">,
): ScarceTopic[] {
  return neededTopics(config)
    .map((topic) => ({ topic, replicas: fewestReplicas(existing.get(topic) ?? []) }))
    .filter(({ replicas }) => replicas < config.kafka.replicationFactor);
}

/** Infinity if there are no partitions. */
export const fewestReplicas = (partitions: readonly PartitionMetadata[]) =>
  Math.min(...partitions.map(({ replicas }) => replicas.length));

/**
 * Adds replicas to the topics that have fewer than the settings say, and resolves once the brokers have copied all
 * records. Nothing is moved or removed, so repeating it does nothing more.
 * @returns the topics as they were
 */
export async function addReplicas(admin: Admin, config: Pick<Config, "kafka" | "cdc">): Promise<ScarceTopic[]> {
  const { replicationFactor } = config.kafka;
  const { brokers } = await admin.describeCluster();
  if (brokers.length < replicationFactor)
    throw new FinalError(
      `Kafka has ${brokers.length} brokers, and the settings ask for ${replicationFactor} replicas: ` +
        "start more, or lower kafka.replicationFactor (KAFKA_REPLICATION_FACTOR)",
    );
  const existing = await topicsIn(admin);
  const scarce = scarceTopics(existing, config);
  if (scarce.length === 0) return [];
  const nodes = brokers.map(({ nodeId }) => nodeId);
  const topics = scarce.map(({ topic }) => ({
    topic,
    partitionAssignment: grown(existing, topic, nodes, replicationFactor),
  }));
  await admin.alterPartitionReassignments({ topics });
  const hasCopied = async () => {
    const now = await topicsIn(admin);
    return scarce.every(({ topic }) => now.get(topic)?.every(({ isr }) => isr.length >= replicationFactor));
  };
  await until("the brokers have copied all records", hasCopied, { withinMs: copiedWithinMs, everyMs: 500 });
  return scarce;
}

/** Partitions with as many replicas as wanted: those that they have, and on the brokers that have the fewest. */
function grown(
  existing: ReadonlyMap<string, PartitionMetadata[]>,
  topic: string,
  brokers: readonly number[],
  wanted: number,
) {
  const load = new Map(brokers.map((broker) => [broker, 0]));
  const place = (broker: number) => load.set(broker, (load.get(broker) ?? 0) + 1);
  for (const { replicas } of [...existing.values()].flat()) replicas.forEach(place);
  return (existing.get(topic) ?? []).map(({ partitionId, replicas: own }) => {
    const replicas = [...own];
    while (replicas.length < wanted) {
      const free = brokers.filter((broker) => !replicas.includes(broker));
      const [next] = free.sort((a, b) => (load.get(a) ?? 0) - (load.get(b) ?? 0));
      if (next === undefined) break;
      replicas.push(next);
      place(next);
    }
    return { partition: partitionId, replicas };
  });
}

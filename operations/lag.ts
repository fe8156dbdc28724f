import type { Admin } from "kafkajs";

/** A consumer group's position in one partition. */
export interface PartitionLag {
  partition: number;
  /** The offset the group reads next: its committed offset, or the first one still retained. */
  next: bigint;
  /** The offset after the last record. */
  end: bigint;
}

/** A group's lag in every partition of a topic, from its committed offsets. */
export async function partitionLags(
  admin: Pick<Admin, "fetchTopicOffsets" | "fetchOffsets">,
  groupId: string,
  topic: string,
): Promise<PartitionLag[]> {
  // Sequential: the second request needs the brokers that the first one discovers, and may not be retried.
  const ends = await admin.fetchTopicOffsets(topic);
  const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  return ends.map(({ partition, low, high }) => {
    const [first, own] = [BigInt(low), committed.get(partition) ?? -1n];
    return { partition, next: own > first ? own : first, end: BigInt(high) };
  });
}

/** Records between two offsets of a partition; 0 if the known end is still behind `next`. */
export const recordsBetween = (next: bigint, end: bigint) => (end > next ? Number(end - next) : 0);

/** Records of a topic that a group has not committed yet, summed over all partitions. */
export async function topicLag(
  admin: Parameters<typeof partitionLags>[0],
  groupId: string,
  topic: string,
): Promise<number> {
  const lags = await partitionLags(admin, groupId, topic);
  return lags.reduce((sum, { next, end }) => sum + recordsBetween(next, end), 0);
}

import type { Admin } from "kafkajs";

/** How far a consumer group has come in one partition. */
export interface PartitionLag {
  partition: number;
  /** The offset that the group reads next: the one that it committed, or the first that there still is. */
  next: bigint;
  /** The offset after the last record. */
  end: bigint;
}

/** The lag of a group in every partition of a topic, from what it has committed. */
export async function partitionLags(
  admin: Pick<Admin, "fetchTopicOffsets" | "fetchOffsets">,
  groupId: string,
  topic: string,
): Promise<PartitionLag[]> {
  // One after the other: the second needs the brokers that the first learns of, and may not be retried.
  const ends = await admin.fetchTopicOffsets(topic);
  const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  return ends.map(({ partition, low, high }) => {
    const [first, own] = [BigInt(low), committed.get(partition) ?? -1n];
    return { partition, next: own > first ? own : first, end: BigInt(high) };
  });
}

/** Records between two offsets of a partition; none where the end is not known to be as far yet. */
export const recordsBetween = (next: bigint, end: bigint) => (end > next ? Number(end - next) : 0);

/** Records of a topic that a group has not committed yet, over all partitions. */
export async function topicLag(
  admin: Parameters<typeof partitionLags>[0],
  groupId: string,
  topic: string,
): Promise<number> {
  const lags = await partitionLags(admin, groupId, topic);
  return lags.reduce((sum, { next, end }) => sum + recordsBetween(next, end), 0);
}

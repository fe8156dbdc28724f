import type { Admin } from "kafkajs";
import { partitionLags, recordsBetween } from "../lag.ts";
import type { Offsets } from "../topic-log.ts";

/** How far a consumer group is, by its commits. */
export interface Committed {
  /** The offset that it reads next in each partition; undefined if it has never committed any. */
  offsets: Offsets | undefined;
  /** The records that it has not committed. */
  lag: number;
}

export async function committedOf(admin: Admin, groupId: string, topics: readonly string[]): Promise<Committed> {
  const existing = new Set(await admin.listTopics());
  const known = topics.filter((topic) => existing.has(topic));
  const offsets = new Map<string, Map<number, bigint>>();
  let lag = 0;
  for (const topic of known) {
    const partitions = await partitionLags(admin, groupId, topic);
    offsets.set(topic, new Map(partitions.map(({ partition, next }) => [partition, next])));
    for (const { next, end } of partitions) lag += recordsBetween(next, end);
  }
  const commits = known.length > 0 ? await admin.fetchOffsets({ groupId, topics: known }) : [];
  const isKnown = commits.some(({ partitions }) => partitions.some(({ offset }) => offset !== "-1"));
  return { offsets: isKnown ? offsets : undefined, lag };
}

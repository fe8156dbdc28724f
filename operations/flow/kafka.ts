import type { Admin } from "kafkajs";
import type { OffsetRange, Reader } from "../../runtime/kafka/reader.ts";
import { recordsBetween } from "../lag.ts";

/** A topic, as far as its offsets tell. Offsets are also taken by the markers of transactions. */
export interface TopicFacts {
  topic: string;
  /** Records that it keeps. */
  records: number;
  /** Records that were ever written to it. */
  written: number;
  /** Records that the group has not committed; undefined if it does not read the topic. */
  unread?: number;
  /** When the first of them was written, in milliseconds since 1970. */
  oldestUnreadMs?: number;
  /** Records that the group has got past. */
  read?: number;
}

interface Position {
  topic: string;
  partition: number;
  next: bigint;
  end: bigint;
}

export interface TopicLook {
  facts: Map<string, TopicFacts>;
  /** Where the group is, in partitions with records that it has not read. */
  behind: Position[];
}

/** The topics that are there, and where the group is in those that it reads. */
export async function lookAtTopics(
  admin: Admin,
  groupId: string,
  topics: { consumed: readonly string[]; others: readonly string[] },
): Promise<TopicLook> {
  const existing = new Set(await admin.listTopics());
  const consumed = topics.consumed.filter((topic) => existing.has(topic));
  const group = consumed.length === 0 ? [] : await admin.fetchOffsets({ groupId, topics: consumed });
  const facts = new Map<string, TopicFacts>();
  const behind: Position[] = [];
  for (const topic of [...consumed, ...topics.others.filter((each) => existing.has(each))]) {
    const own = group.find((each) => each.topic === topic)?.partitions;
    const committed = new Map(own?.map(({ partition, offset }) => [partition, BigInt(offset)]));
    const found: TopicFacts = { topic, records: 0, written: 0, ...(own && { unread: 0, read: 0 }) };
    for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
      const [first, end] = [BigInt(low), BigInt(high)];
      const at = committed.get(partition) ?? -1n;
      const next = at > first ? at : first;
      found.records += recordsBetween(first, end);
      found.written += Number(end);
      if (found.unread === undefined || found.read === undefined) continue;
      found.unread += recordsBetween(next, end);
      found.read += Number(next);
      if (end > next) behind.push({ topic, partition, next, end });
    }
    facts.set(topic, found);
  }
  return { facts, behind };
}

/** When records were written. A record is read once: at a place that does not move nothing has to be read again. */
export interface RecordTimes {
  /** Sets the time of the oldest unread record of each topic. */
  addTo: (look: TopicLook, reader: () => Promise<Reader>) => Promise<void>;
}

export function openRecordTimes(): RecordTimes {
  let known = new Map<string, number>();
  return {
    async addTo({ facts, behind }, openReader) {
      const still = new Map<string, number>();
      for (const { topic, partition, next, end } of behind) {
        const key = `${topic}/${partition}@${next}`;
        const timeMs = known.get(key) ?? (await timeOf(await openReader(), topic, partition, { from: next, to: end }));
        if (timeMs === undefined) continue;
        still.set(key, timeMs);
        const found = facts.get(topic);
        if (found) found.oldestUnreadMs = Math.min(found.oldestUnreadMs ?? timeMs, timeMs);
      }
      known = still;
    },
  };
}

/** The time of the first record of a range; undefined if it has none, such as of an open transaction. */
async function timeOf(reader: Reader, topic: string, partition: number, range: OffsetRange) {
  const { records } = await reader.search({ topic, partition, ...range, text: "", maxBytes: 1 });
  const time = Number(records[0]?.timestamp);
  return Number.isFinite(time) ? time : undefined;
}

/** When the newest record of a topic was written, in milliseconds since 1970. */
export async function newestMs(reader: Reader, topic: string): Promise<number | undefined> {
  const times = reader.partitions(topic).map(async (partition) => {
    const { from, to } = await reader.bounds(topic, partition);
    // The last offset may be that of a transaction's marker.
    const start = to - 2n > from ? to - 2n : from;
    if (start >= to) return 0;
    const { records } = await reader.search({ topic, partition, from: start, to, text: "", maxBytes: 1 });
    return Number(records.at(-1)?.timestamp ?? 0);
  });
  return Math.max(0, ...(await Promise.all(times))) || undefined;
}

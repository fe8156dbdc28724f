import { openPartitioner } from "../../runtime/kafka/partitioner.ts";
import type { OffsetRange, Reader } from "../../runtime/kafka/reader.ts";
import type { FetchedRecord } from "../../runtime/kafka/record-batch.ts";
import { merged, without } from "./ranges.ts";

/** A partition with no more records than this is read whole: that takes a tenth of a second. */
const wholeUpToRecords = 100_000n;
/** How much of a larger partition is read at most, in bytes, unless all of it is asked for. */
const maxBytes = 64 * 1024 ** 2;
/** What happened at a known time was sent to Kafka no earlier than this long before it, by a clock that differs … */
const earlierMs = 2_000;
/** … and usually no later than this long after it, in milliseconds. */
const laterMs = 300_000;

/** The part of a partition that was looked at. */
export interface Looked {
  topic: string;
  partition: number;
  /** What the partition has. */
  bounds: OffsetRange;
  ranges: OffsetRange[];
  /** Some of what was to be read was too much. */
  isCut: boolean;
}

export interface FoundRecord {
  topic: string;
  partition: number;
  record: FetchedRecord;
}

export interface TopicSearch {
  /** Reads what may have been sent around these times (milliseconds since 1970) and was not read yet. */
  look(times: Iterable<number>): Promise<FoundRecord[]>;
  looked: Looked;
}

interface Wanted {
  topic: string;
  partition: number;
  /** What key or value must contain. */
  text: string;
  /** Read the whole partition. */
  thorough: boolean;
  onProgress?: (read: bigint, of: bigint) => void;
}

/** The partition of a key: murmur2, as in Java's clients. */
export const partitionOf = (topic: string, key: string, partitions: readonly number[]): number =>
  openPartitioner()({
    topic,
    message: { key, value: null },
    partitionMetadata: partitions.map((partitionId) => ({
      partitionId,
      leader: 0,
      partitionErrorCode: 0,
      replicas: [],
      isr: [],
    })),
  });

export async function openTopicSearch(reader: Reader, wanted: Wanted): Promise<TopicSearch> {
  const { topic, partition, text, thorough, onProgress } = wanted;
  const bounds = await reader.bounds(topic, partition);
  const isWhole = thorough || bounds.to - bounds.from <= wholeUpToRecords;
  const looked: Looked = { topic, partition, bounds, ranges: [], isCut: false };
  let left = isWhole ? Number.POSITIVE_INFINITY : maxBytes;

  const around = async (timeMs: number): Promise<OffsetRange> => {
    const [from, to] = await Promise.all([
      reader.offsetAt(topic, partition, timeMs - earlierMs),
      reader.offsetAt(topic, partition, timeMs + laterMs),
    ]);
    return { from: from ?? bounds.to, to: to ?? bounds.to };
  };

  return {
    looked,
    async look(times) {
      const wanted = isWhole ? [bounds] : await Promise.all([...times].map(around));
      const found: FoundRecord[] = [];
      for (const range of without(wanted, looked.ranges)) {
        if (left <= 0) {
          looked.isCut = true;
          break;
        }
        const result = await reader.search({
          ...{ topic, partition, ...range, text, maxBytes: left },
          onProgress: (next) => onProgress?.(next - bounds.from, bounds.to - bounds.from),
        });
        left -= result.bytes;
        looked.isCut ||= result.next < range.to;
        looked.ranges = merged([...looked.ranges, { from: range.from, to: result.next }]);
        found.push(...result.records.map((record) => ({ topic, partition, record })));
      }
      return found;
    },
  };
}

/** Which offsets of each partition were read. */
export const lookedTexts = (looked: readonly Looked[]): string[] =>
  looked.map(({ topic, partition, bounds, ranges, isCut }) => {
    const read = ranges.reduce((sum, { from, to }) => sum + (to - from), 0n);
    const offsets =
      read === bounds.to - bounds.from ? "all" : ranges.map(({ from, to }) => `${from}–${to - 1n}`).join(", ");
    const of = `of ${bounds.to - bounds.from}${isCut ? ", not all that was wanted" : ""}`;
    return `${topic} ${partition}: ${offsets || "none"} ${of}`;
  });

import type { Reader } from "../../runtime/kafka/reader.ts";

const offsetsTopic = "__consumer_offsets";
/** How much of that topic is read at most, in bytes. */
const maxBytes = 8 * 1024 ** 2;

/** A committed offset, and when it was committed, in milliseconds since 1970. */
interface Commit {
  offset: bigint;
  atMs: number;
}

/** The record of a group's offset. */
export interface Position {
  groupId: string;
  topic: string;
  partition: number;
  offset: bigint;
  /** When it was produced, in milliseconds since 1970. */
  producedMs: number;
}

/**
 * When a group first committed an offset after this one, in milliseconds since 1970; null if that is not known any more,
 * or may not be read. Kafka keeps commits in a topic of its own, and removes older ones of a partition after a while.
 */
export async function committedPast(reader: Reader, position: Position): Promise<number | null> {
  const { groupId, topic, offset, producedMs } = position;
  const partitions = reader.partitions(offsetsTopic);
  if (partitions.length === 0) return null;
  const partition = Math.abs(javaHash(groupId)) % partitions.length;
  const [from, { to }] = await Promise.all([
    reader.offsetAt(offsetsTopic, partition, producedMs),
    reader.bounds(offsetsTopic, partition),
  ]);
  if (from === null) return null;
  const { records } = await reader.search({ topic: offsetsTopic, partition, from, to, text: topic, maxBytes });
  const commits = records.flatMap(({ key, value, timestamp }) => {
    const commit = commitOf(key, value, position);
    return commit === null ? [] : [{ offset: commit, atMs: Number(timestamp) } satisfies Commit];
  });
  return commits.find((commit) => commit.offset > offset)?.atMs ?? null;
}

/**
 * The offset of a record of that topic; null if it is of another group or partition, or a removal.
 * Source: Kafka's OffsetCommitKey.json and OffsetCommitValue.json; both begin with a version, all versions so.
 */
function commitOf(key: Buffer | null, value: Buffer | null, { groupId, topic, partition }: Position): bigint | null {
  if (!key || !value || value.length < 10 || key.length < 2 || key.readInt16BE(0) > 1) return null;
  const text = (given: string) => {
    const bytes = Buffer.from(given);
    const length = Buffer.alloc(2);
    length.writeInt16BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const number = Buffer.alloc(4);
  number.writeInt32BE(partition);
  const wanted = Buffer.concat([text(groupId), text(topic), number]);
  return key.subarray(2).equals(wanted) ? value.readBigInt64BE(2) : null;
}

/** Java's String.hashCode, by which Kafka assigns groups to partitions. */
function javaHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  return hash;
}

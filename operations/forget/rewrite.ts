import type { Admin, Kafka, Message as KafkaMessage, Producer } from "kafkajs";
import { nullHeader } from "../../runtime/kafka/null-headers.ts";
import type { Reader } from "../../runtime/kafka/reader.ts";
import type { FetchedRecord } from "../../runtime/kafka/record-batch.ts";
import { endRolling, rollSegments } from "../../runtime/kafka/roll-segments.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import { until } from "../../runtime/until.ts";
import type { Forgotten } from "../../stream/forgotten/forgotten.ts";
import type { Marks } from "./marks.ts";

interface Clients {
  kafka: Kafka;
  admin: Admin;
  reader: Reader;
  producer: Producer;
}

/** What is read at once, in bytes, and sent at once. */
const bytesPerRead = 8 * 1024 ** 2;
const maxRequest = { records: 5_000, bytes: 512 * 1024 };
const committedWithinMs = 60_000;

interface Part {
  topic: string;
  partition: number;
  from: bigint;
  to: bigint;
}

/** Calls `each` with the records of a part of a partition, in order, a few megabytes at a time. */
async function readPart(
  reader: Reader,
  { topic, partition, from, to }: Part,
  each: (records: FetchedRecord[]) => Promise<void> | void,
): Promise<void> {
  for (let next = from; next < to; ) {
    const read = await reader.search({ topic, partition, from: next, to, text: "", maxBytes: bytesPerRead });
    if (read.next === next) throw new FinalError(`${topic}, partition ${partition} cannot be read at offset ${next}`);
    await each(read.records);
    next = read.next;
  }
}

/** How many records of each partition mention somebody who was forgotten, and how many records there are. */
export async function searchTopic(reader: Reader, topic: string, forgotten: Forgotten) {
  const found = new Map<number, number>();
  let records = 0;
  for (const partition of reader.partitions(topic)) {
    const part = { topic, partition, ...(await reader.bounds(topic, partition)) };
    await readPart(reader, part, (read) => {
      records += read.length;
      const count = read.filter((record) => isAbout(record, forgotten)).length;
      if (count > 0) found.set(partition, (found.get(partition) ?? 0) + count);
    });
  }
  return { found, records };
}

/** The bytes of a batch that cannot be decoded may mention somebody, too. */
const isAbout = ({ key, value, unreadable }: FetchedRecord, forgotten: Forgotten) =>
  forgotten.isIn({ key, value: unreadable?.bytes ?? value });

interface Rules {
  forgotten: Forgotten;
  marks: Marks;
  /** Waits until these offsets have been processed by those who must have read a record before it is moved. */
  whenRead: (topic: string, ends: ReadonlyMap<number, bigint>) => Promise<void>;
  /** Whether a record is kept elsewhere, so that it is not moved. Asked for after `whenRead`. */
  openLeftOut: () => Promise<(topic: string, partition: number, record: FetchedRecord) => boolean>;
  /** Called once records have got new offsets. */
  onMoved?: (moved: readonly { record: FetchedRecord; partition: number; offset: bigint }[]) => Promise<void>;
}

export interface Rewritten {
  /** Records that mentioned somebody who was forgotten. */
  removed: number;
  /** Records that were appended again. */
  moved: number;
}

/**
 * Takes records out of some partitions: appends all others again, with their own keys, values, headers and times, and then
 * deletes everything before the first of these. Kafka acknowledges every record before one is deleted; if it is
 * interrupted it can be done again, and some records are then in the topic twice. Records that arrive meanwhile stay where they
 * are, so some older records come after them.
 */
export async function rewriteTopic(
  clients: Clients,
  topic: string,
  partitions: readonly number[],
  rules: Rules,
): Promise<Rewritten> {
  const { kafka, admin, reader } = clients;
  await endRolling(admin, topic);
  const total: Rewritten = { removed: 0, moved: 0 };
  await finishCopies(clients, topic, partitions, rules.marks);
  let left = partitions;
  while (left.length > 0) {
    const ended = await rollSegments(kafka, admin, topic, left);
    const ends = new Map<number, bigint>();
    for (const [partition, end] of ended) {
      const to = () => reader.bounds(topic, partition).then((bounds) => bounds.to > end && bounds.to);
      ends.set(
        partition,
        await until(`${topic}, partition ${partition} is committed up to ${end}`, to, { withinMs: committedWithinMs }),
      );
    }
    await rules.whenRead(topic, ends);
    const isLeftOut = await rules.openLeftOut();
    const again: number[] = [];
    for (const [partition, to] of ends) {
      const { from } = await reader.bounds(topic, partition);
      const copied = await copyPart(clients, { topic, partition, from, to }, { ...rules, isLeftOut });
      total.removed += copied.removed;
      total.moved += copied.moved;
      await rules.marks.copied(topic, partition, to);
      // It was appended to the segment that the copies are in.
      if (copied.lastRemoved >= ended.get(partition)!) again.push(partition);
    }
    await finishCopies(clients, topic, left, rules.marks);
    left = again;
  }
  return total;
}

/** Deletes what has been copied as a whole. */
async function finishCopies({ admin, reader }: Clients, topic: string, partitions: readonly number[], marks: Marks) {
  const done: { partition: number; offset: string }[] = [];
  for (const partition of partitions) {
    const below = marks.copiedBelow(topic, partition);
    const { from, to } = await reader.bounds(topic, partition);
    if (below > from && below <= to) done.push({ partition, offset: String(below) });
  }
  if (done.length === 0) return;
  await admin.deleteTopicRecords({ topic, partitions: done });
  await marks.removed("topics");
  // A topic of the same name may be created again, and its offsets begin again.
  for (const { partition } of done) await marks.copied(topic, partition, 0n);
}

interface Copied extends Rewritten {
  /** The offset of the last record that was left out since it is about somebody who was forgotten; -1 if none was. */
  lastRemoved: bigint;
}

async function copyPart(
  { reader, producer }: Clients,
  part: Part,
  {
    forgotten,
    isLeftOut,
    onMoved,
  }: Pick<Rules, "forgotten" | "onMoved"> & { isLeftOut: Awaited<ReturnType<Rules["openLeftOut"]>> },
): Promise<Copied> {
  const { topic, partition } = part;
  const copied: Copied = { removed: 0, moved: 0, lastRemoved: -1n };
  let pending: FetchedRecord[] = [];
  let bytes = 0;
  const send = async () => {
    if (pending.length === 0) return;
    const messages = pending.map((record) => messageOf(record, partition));
    const [sent] = await producer.send({ topic, acks: -1, messages });
    const first = BigInt(sent?.baseOffset ?? -1);
    if (first < part.to) throw new FinalError(`Kafka did not say where in ${topic} it has put records`);
    copied.moved += pending.length;
    await onMoved?.(pending.map((record, index) => ({ record, partition, offset: first + BigInt(index) })));
    [pending, bytes] = [[], 0];
  };
  await readPart(reader, part, async (records) => {
    for (const record of records) {
      if (isAbout(record, forgotten)) {
        copied.removed++;
        copied.lastRemoved = BigInt(record.offset);
      } else if (!isLeftOut(topic, partition, record)) {
        if (record.unreadable)
          throw new FinalError(
            `${topic}, partition ${partition}: the batch at offset ${record.unreadable.baseOffset} cannot be read, and ` +
              `nobody has skipped it: ${record.unreadable.detail}`,
          );
        const size = sizeOf(record);
        if (pending.length === maxRequest.records || bytes + size > maxRequest.bytes) await send();
        pending.push(record);
        bytes += size;
      }
    }
  });
  await send();
  return copied;
}

/** About what a record takes in a request. */
function sizeOf({ key, value, headers }: FetchedRecord): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0) + 30;
  for (const [name, values] of Object.entries(headers))
    for (const each of [values].flat()) size += name.length + (each?.length ?? 0) + 4;
  return size;
}

function messageOf({ key, value, headers, timestamp }: FetchedRecord, partition: number): KafkaMessage {
  const own: Record<string, Buffer[]> = Object.create(null); // so that "__proto__" is an ordinary name
  for (const [name, values] of Object.entries(headers)) own[name] = [values].flat().map((each) => each ?? nullHeader);
  return { key, value, headers: own, timestamp, partition };
}

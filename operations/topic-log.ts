import type { Admin, Consumer, EachBatchPayload, Kafka } from "kafkajs";
import { type UnreadableBatch, unreadableAfter } from "../runtime/kafka/record-batch.ts";
import { FinalError, TransientError } from "../runtime/lifecycle.ts";
import { operatorCommand } from "../runtime/operator-command.ts";
import type { Message } from "../stream/change.ts";

/** Offsets by topic and partition. */
export type Offsets = ReadonlyMap<string, ReadonlyMap<number, bigint>>;

/** What is to be read: from each first offset up to, not including, the end. Partitions without an end are not read. */
export interface Range {
  from: Offsets;
  to: Offsets;
}

/** Consecutive records of a partition, none of them before `from` or at or after the end; in order, never empty. */
export interface Records {
  topic: string;
  partition: number;
  messages: readonly Message[];
}

export interface Clients {
  kafka: Kafka;
  admin: Admin;
}

interface Options {
  /** Whether an unreadable batch is passed over; otherwise it ends the reading. */
  isSkipped?: (topic: string, partition: number, batch: UnreadableBatch) => boolean;
  /** Rejects after this long without any progress in Kafka, in milliseconds. */
  stalledAfterMs?: number;
  stop?: AbortSignal;
}

const defaultStalledAfterMs = 60_000;
const heartbeatEveryMs = 2_000;

/**
 * The offsets of topics: from the first record, or the first one produced since `sinceMs`, to the end known now, which
 * is before the records of a transaction that is still open. `missing` are topics that do not exist.
 */
export async function rangeOf(admin: Admin, topics: readonly string[], sinceMs?: number) {
  const existing = new Set(await admin.listTopics());
  const from = new Map<string, Map<number, bigint>>();
  const to = new Map<string, Map<number, bigint>>();
  for (const topic of topics.filter((name) => existing.has(name))) {
    const offsets = await admin.fetchTopicOffsets(topic);
    const first = sinceMs === undefined ? offsets : await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs);
    from.set(topic, new Map(first.map((at) => [at.partition, BigInt("low" in at ? String(at.low) : at.offset)])));
    to.set(topic, new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)])));
  }
  return { from, to, missing: topics.filter((name) => !existing.has(name)) };
}

/** The offsets in a range, some of which may be transactions' markers or were removed. */
export function recordsIn({ from, to }: Range, topic?: string): number {
  let count = 0n;
  for (const [name, ends] of to)
    if (topic === undefined || name === topic)
      for (const [partition, end] of ends) {
        const first = from.get(name)?.get(partition) ?? 0n;
        if (end > first) count += end - first;
      }
  return Number(count);
}

/**
 * Reads a range of topics as fast as it comes and resolves at its end. `each` gets the records of a partition in order
 * and one call after the other, but several partitions at once; while it works, at most one more batch of that partition
 * is fetched. Control records and those of aborted transactions are left out. A consumer group of its own exists
 * meanwhile, which commits nothing and is deleted.
 * @throws FinalError, with the position, if a batch cannot be decoded; TransientError if Kafka delivers nothing;
 * whatever `each` throws
 */
export async function readRange(
  clients: Clients,
  range: Range,
  each: (records: Records) => Promise<void> | void,
  { isSkipped = () => false, stalledAfterMs = defaultStalledAfterMs, stop }: Options = {},
): Promise<void> {
  const reading = openReading(range, each, isSkipped);
  if (reading.isDone()) return;
  stop?.throwIfAborted();
  const { kafka, admin } = clients;
  const topics = [...range.to.keys()];
  const groupId = `${topics[0]}.read.${crypto.randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    minBytes: 1,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 256 * 1024, // several partitions are in memory at once
    allowAutoTopicCreation: false,
    // By default kafkajs restarts indefinitely, or idles after a TypeError.
    retry: { restartOnFailure: async () => false },
  });
  const abort = () => reading.fail(stop?.reason);
  stop?.addEventListener("abort", abort, { once: true });
  const watch = setInterval(() => reading.expectProgress(stalledAfterMs), 1_000);
  follow(consumer, reading);
  try {
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 8,
      eachBatch: (payload) => reading.take(payload),
    });
    await reading.done;
  } finally {
    clearInterval(watch);
    stop?.removeEventListener("abort", abort);
    await consumer.disconnect().catch(() => {});
    await admin.deleteGroups([groupId]).catch(() => {}); // it never joined, or Kafka is away and forgets it itself
  }
}

type Reading = ReturnType<typeof openReading>;

function follow(consumer: Consumer, reading: Reading) {
  // On every assignment, since without commits kafkajs would begin again.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const { topic, partition, next, end } of reading.positions()) {
      if (next >= end) consumer.pause([{ topic, partitions: [partition] }]);
      else consumer.seek({ topic, partition, offset: String(next) });
    }
  });
  // Also reported for batches of which nothing is left without markers and aborted transactions.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
    if (reading.fetched(topic, partition, BigInt(lastOffset) + 1n))
      consumer.pause([{ topic, partitions: [partition] }]);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => reading.fail(payload.error));
}

interface Position {
  topic: string;
  partition: number;
  /** The offset that is fetched next. */
  next: bigint;
  end: bigint;
  /** The handling of everything fetched so far. */
  handled: Promise<void>;
}

/** The state of one reading: the position of each partition, and how it ends. */
function openReading({ from, to }: Range, each: (records: Records) => Promise<void> | void, isSkipped: Skips) {
  const all = new Map<string, Position>();
  const keyOf = (topic: string, partition: number) => `${topic}/${partition}`;
  for (const [topic, ends] of to)
    for (const [partition, end] of ends) {
      const next = from.get(topic)?.get(partition) ?? 0n;
      all.set(keyOf(topic, partition), { topic, partition, next, end, handled: Promise.resolve() });
    }
  const unread = new Set([...all.values()].filter(({ next, end }) => next < end));
  const { promise: done, resolve, reject: fail } = Promise.withResolvers<void>();
  done.catch(() => {}); // it may fail before anybody waits for it
  let busy = 0;
  let progressAt = performance.now();

  async function handle(before: Promise<void>, records: Records) {
    busy++;
    try {
      await before;
      await each(records);
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      busy--;
      progressAt = performance.now();
    }
  }

  return {
    done,
    fail,
    isDone: () => unread.size === 0,
    positions: () => all.values(),
    /** Hands over a batch, once the one before the last has been handled. */
    async take({ batch: { topic, partition, messages }, heartbeat }: EachBatchPayload) {
      const position = all.get(keyOf(topic, partition));
      if (!position || !unread.has(position)) return;
      const { next, end, handled } = position;
      const wanted = messages.filter(({ offset }) => BigInt(offset) >= next && BigInt(offset) < end) as Message[];
      const unreadable = unreadableAfter(wanted);
      if (unreadable) {
        wanted.pop();
        if (!isSkipped(topic, partition, unreadable)) fail(unreadableError(topic, partition, unreadable));
      }
      if (wanted.length > 0) {
        position.handled = handle(handled, { topic, partition, messages: wanted });
        position.handled.catch(() => {}); // it has failed the whole reading
      }
      await whileBeating(heartbeat, handled).catch(fail);
    },
    /** Everything before `next` has been fetched; returns whether that was the last of the partition. */
    fetched(topic: string, partition: number, next: bigint): boolean {
      const position = all.get(keyOf(topic, partition));
      if (!position || next <= position.next) return false;
      position.next = next;
      progressAt = performance.now();
      if (next < position.end || !unread.delete(position)) return false;
      if (unread.size === 0) Promise.all([...all.values()].map(({ handled }) => handled)).then(() => resolve(), fail);
      return true;
    },
    expectProgress(stalledAfterMs: number) {
      if (busy > 0 || performance.now() - progressAt < stalledAfterMs) return;
      const at = [...unread].map(({ topic, partition, next, end }) => `${topic}/${partition} at ${next} of ${end}`);
      fail(new TransientError(`Kafka delivered nothing for ${stalledAfterMs} ms: ${at.join(", ")}`));
    },
  };
}

type Skips = NonNullable<Options["isSkipped"]>;

const unreadableError = (topic: string, partition: number, { baseOffset, lastOffset, detail }: UnreadableBatch) =>
  new FinalError(
    `topic ${topic}, partition ${partition}: the batch of offsets ${baseOffset} to ${lastOffset} cannot be read: ` +
      `${detail}; the consumer stops at it too, and ` +
      `${operatorCommand(`skip ${topic} ${partition} ${baseOffset} --because "…"`)} moves past it`,
  );

/** Keeps the membership of the group while `work` is awaited. */
async function whileBeating(heartbeat: () => Promise<void>, work: Promise<void>) {
  const timer = setInterval(() => void heartbeat().catch(() => {}), heartbeatEveryMs); // the next fetch joins again
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
}

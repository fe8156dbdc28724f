import type { Kafka } from "kafkajs";
import { settledTopicOf } from "../../contract/entity.ts";
import { coalesced } from "../../runtime/coalesced.ts";
import { openReader, type Reader } from "../../runtime/kafka/reader.ts";
import type { FetchedRecord } from "../../runtime/kafka/record-batch.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import { discard } from "../reconcile/garbage.ts";
import { idIn, type Letter, readLetter } from "./letter.ts";
import type { Entry, LetterLog } from "./letter-log.ts";
import { type Position, positionOf } from "./selection.ts";
import { readSettlement, settlementKey } from "./settlement.ts";

/** A letter with the beginning of what was wrong, and whose record it is if its key says so. */
export interface FollowedEntry extends Entry {
  detail: string;
  id: string | undefined;
}

/** The newest letters and what was done about them. */
export interface Followed extends LetterLog {
  entries: FollowedEntry[];
  /** How many older records of the topic are left out. */
  omitted: number;
}

export interface LetterFollower {
  /** What there is when it is asked; reads what is new since the last look. Nothing else is read twice. */
  look: () => Promise<Followed>;
  /** What the last look saw, and when, in milliseconds since 1970. */
  last: () => { log: Followed; atMs: number } | undefined;
  /** One letter, whole. @throws FinalError if there is none at that position */
  letterAt: (position: Position) => Promise<Letter>;
  close: () => Promise<void>;
}

/** Memory is in proportion to the letters that are kept: about 100 MB for so many. */
const maxLetters = 200_000;
/** Small, so that other requests are answered meanwhile. */
const chunkBytes = 1024 ** 2;
const maxDetailLength = 160;

/**
 * Follows the dead-letter topic for a program that shows it again and again. Only the newest letters are kept, and of
 * those only what a list needs.
 */
export function followLetters(kafka: Kafka, topic: string, limit = maxLetters): LetterFollower {
  const kept = openKept(limit);
  const next = new Map<string, bigint>();
  const settledTopic = settledTopicOf(topic);
  const withReader = sharedReader(kafka, [topic, settledTopic]);
  let last: { log: Followed; atMs: number } | undefined;

  async function boundsOf(reader: Reader, ofTopic: string) {
    const partitions = reader.partitions(ofTopic);
    const isGone = partitions.length === 0 && [...next.keys()].some((at) => at.startsWith(`${ofTopic}/`));
    if (isGone) throw new Recreated();
    return Promise.all(
      partitions.map(async (partition) => ({ partition, ...(await reader.bounds(ofTopic, partition)) })),
    );
  }

  /** Reads on in each partition, at first from so many records before the end; returns whether there were any. */
  async function read(reader: Reader, ofTopic: string, bounds: Bounds, most: number, take: Take): Promise<boolean> {
    let isNew = false;
    for (const { partition, from: first, to } of bounds) {
      const at = `${ofTopic}/${partition}`;
      if (to < (next.get(at) ?? 0n)) throw new Recreated();
      let from = next.get(at) ?? max(first, to - BigInt(Math.ceil(most / bounds.length)));
      if (!next.has(at)) kept.omit(Number(from - first));
      while (from < to) {
        const found = await reader.search({ topic: ofTopic, partition, from, to, text: "", maxBytes: chunkBytes });
        if (found.next <= from) break;
        for (const record of found.records) take(record, partition);
        from = found.next;
        isNew = true;
        discard(found.bytes);
      }
      next.set(at, from);
    }
    return isNew;
  }

  async function lookOnce(): Promise<Followed> {
    try {
      const isNew = await withReader(async (reader) => {
        // What is settled at first was a letter then: so only settlements of known letters are kept.
        const settled = await boundsOf(reader, settledTopic);
        const hasLetters = await read(reader, topic, await boundsOf(reader, topic), limit, kept.letter);
        return (await read(reader, settledTopic, settled, Number.MAX_SAFE_INTEGER, kept.settlement)) || hasLetters;
      });
      last = { log: isNew || !last ? kept.log() : last.log, atMs: Date.now() };
      return last.log;
    } catch (error) {
      if (!(error instanceof Recreated)) throw error;
      kept.clear();
      next.clear();
      last = undefined;
      return lookOnce();
    }
  }

  return {
    look: coalesced(lookOnce),
    last: () => last,
    letterAt: ({ partition, offset }) =>
      withReader(async (reader) => {
        const search = { topic, partition, from: offset, to: offset + 1n, text: "", maxBytes: 1 };
        const isKnown = reader.partitions(topic).includes(partition);
        const { from, to } = isKnown ? await reader.bounds(topic, partition) : { from: 0n, to: 0n };
        const { records } = offset >= from && offset < to ? await reader.search(search) : { records: [] };
        const record = records.find(({ unreadable }) => !unreadable);
        if (!record) throw new FinalError(`${topic} has no letter at ${partition}:${offset}`);
        return readLetter(record, partition);
      }),
    close: () => withReader.close(),
  };
}

type Bounds = { partition: number; from: bigint; to: bigint }[];
type Take = (record: FetchedRecord, partition: number) => void;

/** A topic ends before what was read of it: it is another one of that name. */
class Recreated extends Error {}

const max = (one: bigint, other: bigint) => (one > other ? one : other);

/** One reader for all, opened again after a failure and while it does not know one of the topics. */
function sharedReader(kafka: Kafka, topics: readonly string[]) {
  let opened: Promise<Reader> | undefined;
  const close = async () => {
    const closing = opened;
    opened = undefined;
    await closing?.then((reader) => reader.close()).catch(() => {});
  };
  async function use<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    try {
      opened ??= openReader(kafka);
      const reader = await opened;
      const knowsAll = topics.every((topic) => reader.partitions(topic).length > 0);
      const result = await work(reader);
      if (!knowsAll) await close();
      return result;
    } catch (error) {
      if (!(error instanceof FinalError || error instanceof Recreated)) await close();
      throw error;
    }
  }
  return Object.assign(use, { close });
}

/** The letters in memory. */
function openKept(limit: number) {
  const entries = new Map<string, FollowedEntry>();
  const texts = new Map<string, string>();
  let [omitted, unreadableBatches] = [0, 0];
  /** Most letters have the same few reasons and details: each is kept once. */
  const shared = (text: string) => {
    const known = texts.get(text) ?? text;
    if (texts.size < 10_000) texts.set(known, known);
    return known;
  };

  return {
    omit(count: number) {
      omitted += count;
    },
    letter(record: FetchedRecord, partition: number) {
      if (record.unreadable) {
        unreadableBatches++;
        return;
      }
      const { message, because: _, ...letter } = readLetter(record, partition);
      const key = settlementKey(letter);
      if (entries.has(key)) return;
      const { origin, reason, detail } = letter;
      entries.set(key, {
        ...letter,
        reason: shared(reason),
        detail: shared(detail.slice(0, maxDetailLength)),
        origin: origin && { ...origin, topic: shared(origin.topic) },
        key,
        id: idIn(message.key),
        settlement: undefined,
      });
    },
    settlement(record: FetchedRecord) {
      const read = record.unreadable ? null : readSettlement(record);
      const entry = read && entries.get(read.key);
      if (entry) entry.settlement = read.settlement;
    },
    clear() {
      entries.clear();
      [omitted, unreadableBatches] = [0, 0];
    },
    log(): Followed {
      for (const key of entries.keys()) {
        if (entries.size <= limit) break;
        entries.delete(key);
        omitted++;
      }
      return { entries: [...entries.values()], unreadableBatches, omitted };
    },
  };
}

/** The letter about the record at a position, if it could not be stored. */
export const letterAbout = (
  { entries }: Followed,
  { topic, partition, offset }: { topic: string; partition: number; offset: string },
): string | undefined => {
  const found = entries.find(
    ({ origin }) => origin?.topic === topic && origin.partition === partition && origin.offset === offset,
  );
  return found && positionOf(found);
};

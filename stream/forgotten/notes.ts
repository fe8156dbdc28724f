import type { Kafka } from "kafkajs";
import { ForgottenNote, hashPattern } from "../../contract/forgotten.ts";
import { openReader, type Reader } from "../../runtime/kafka/reader.ts";
import { isTransient } from "../../runtime/kafka.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import { retry } from "../../runtime/retry.ts";
import { type Forgotten, forgottenBy } from "./forgotten.ts";

/** The topic of forgotten users, as far as it has been read. */
interface Notes {
  /** When and by whom each was forgotten, by the hash of the id. */
  forgotten: ReadonlyMap<string, ForgottenNote>;
  /** The newest value of every other key. */
  others: ReadonlyMap<string, string>;
  /** Reads to the present end. Without the topic, nobody was forgotten. */
  readOn(): Promise<void>;
  close(): Promise<void>;
}

const bytesPerRead = 8 * 1024 ** 2;

export function openNotes(kafka: Kafka, topic: string): Notes {
  const forgotten = new Map<string, ForgottenNote>();
  const others = new Map<string, string>();
  let reader: Reader | undefined;
  let next = 0n;

  function take(key: string, value: Buffer | null) {
    if (!hashPattern.test(key)) {
      if (value) others.set(key, value.toString());
      else others.delete(key);
      return;
    }
    const note = value && noteOf(value);
    if (note) forgotten.set(key, note);
    else if (!value) forgotten.delete(key);
  }

  async function close() {
    const closing = reader;
    reader = undefined;
    await closing?.close().catch(() => {});
  }

  return {
    forgotten,
    others,
    async readOn() {
      try {
        reader ??= await openReader(kafka);
        if (reader.partitions(topic).length === 0) return await close(); // it may be created later
        const { from, to } = await reader.bounds(topic, 0);
        if (to < next) throw new Error(`${topic} was deleted: it ends before what was read of it`);
        if (from > next) next = from;
        while (next < to) {
          const read = await reader.search({ topic, partition: 0, from: next, to, text: "", maxBytes: bytesPerRead });
          for (const { key, value } of read.records) if (key) take(key.toString(), value);
          if (read.next === next) return; // the rest is not committed yet
          next = read.next;
        }
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

/** A note of a later version, or of somebody else, counts: the key says who. */
function noteOf(value: Buffer): ForgottenNote {
  try {
    return ForgottenNote.parse(JSON.parse(value.toString()));
  } catch {
    return { at: new Date(0).toISOString(), by: "unknown" };
  }
}

/** Who was forgotten, as of now. */
export async function readForgotten(kafka: Kafka, topic: string): Promise<Forgotten> {
  const notes = openNotes(kafka, topic);
  try {
    await notes.readOn();
    return forgottenBy(notes.forgotten);
  } finally {
    await notes.close();
  }
}

const everyMs = 1_000;

/**
 * Follows the notes: resolves once they have been read, and reads on every second until `stop`. While Kafka is away, what was
 * read before stays true.
 */
export async function followForgotten(
  { kafka, topic, log }: { kafka: Kafka; topic: string; log: Log },
  stop: AbortSignal,
): Promise<Forgotten> {
  const notes = openNotes(kafka, topic);
  await retry(() => notes.readOn(), { what: `read ${topic}`, while: isTransient, stop, log });
  const follow = async () => {
    for (let isAway = false; !stop.aborted; await Bun.sleep(everyMs)) {
      const error = await notes.readOn().then(
        () => undefined,
        (fault: unknown) => fault,
      );
      if (error !== undefined && !isAway) log.warn("forgotten users are not followed", { error: messageOf(error) });
      isAway = error !== undefined;
    }
    await notes.close();
  };
  void follow();
  return forgottenBy(notes.forgotten);
}

import { keyOf, type Reason } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";

/** A record's headers by name, in order; the value is an array if a name occurs more than once. */
export type Headers = Readonly<Record<string, Buffer | null | readonly (Buffer | null)[]>>;

/** A record as delivered by Kafka: its offset and the time it was produced (milliseconds) are decimal text. */
export interface Message {
  key: Buffer | null;
  value: Buffer | null;
  headers?: Headers;
  offset: string;
  timestamp: string;
}

/**
 * The change that one record makes to the table, with its write time: the newest write of a row wins, in any order of
 * arrival. `kept` lists columns whose value is not in the record and stays unchanged; they are null in `user`.
 */
export type Change =
  | { kind: "upsert"; user: User; kept?: readonly (keyof User)[]; writeTimeMicros: number }
  | { kind: "delete"; id: string; writeTimeMicros: number };

/** The id of the changed row. */
export const idOf = (change: Change) => (change.kind === "upsert" ? keyOf(change.user) : change.id);

/** A valid record and its change. */
export interface Write {
  message: Message;
  change: Change;
  /** When the change was committed in PostgreSQL, in milliseconds since 1970; absent if it has another origin. */
  committedMs?: number;
}

/** A record that cannot be stored, and why. */
export interface DeadLetter {
  message: Message;
  reason: Reason;
  detail: string;
}

/** A record that this version must not read, since it would lose a part of it. */
export interface Held {
  offset: string;
  why: string;
}

/**
 * The records of a slice: each is in one of the two lists, or counted as one that changes nothing; if one is `held`, it
 * and all records after it are left unread.
 */
export interface Sifted {
  writes: Write[];
  letters: DeadLetter[];
  ignored?: number;
  held?: Held;
}

/** Reads the records of one topic, in order within each partition. It may wait for dependencies, until `stop`. */
export type Route = (messages: readonly Message[], stop: AbortSignal, partition: number) => Promise<Sifted>;

/** Notes in the watchdog which records are about to be decoded, so that it can log them if the event loop hangs. */
export type Note = (messages: readonly Message[], partition: number) => void;

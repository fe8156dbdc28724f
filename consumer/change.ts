import type { Reason } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";

/** A record's headers by name, in the order of the record; an array holds the values of a name that occurs again. */
export type Headers = Readonly<Record<string, Buffer | null | readonly (Buffer | null)[]>>;

/** A record as Kafka delivers it: the offset and the time it was produced (milliseconds) as decimal text. */
export interface Message {
  key: Buffer | null;
  value: Buffer | null;
  headers?: Headers;
  offset: string;
  timestamp: string;
}

/**
 * What one record asks of the table, and as of when: the newest write of a row wins, whatever order they arrive in.
 * `kept` names columns that the record does not know and that stay as they are; they are null in `user`.
 */
export type Change =
  | { kind: "upsert"; user: User; kept?: readonly (keyof User)[]; writeTimeMicros: number }
  | { kind: "delete"; id: string; writeTimeMicros: number };

/** The row that a change is about. */
export const idOf = (change: Change) => (change.kind === "upsert" ? change.user.id : change.id);

/** A record that fits, and the change it asks for. */
export interface Write {
  message: Message;
  change: Change;
  /** When the change was committed in PostgreSQL, in milliseconds since 1970, where it comes from there. */
  committedMs?: number;
}

/** A record that does not fit, and why. */
export interface DeadLetter {
  message: Message;
  reason: Reason;
  detail: string;
}

/** Every record of a slice in one of two lists, or counted as one that asks for nothing. */
export interface Sifted {
  writes: Write[];
  letters: DeadLetter[];
  ignored?: number;
}

/** Reads the records of one topic, a partition's in its order. It may wait for what it needs, until `stop`. */
export type Route = (messages: readonly Message[], stop: AbortSignal, partition: number) => Promise<Sifted>;

/** Tells the watchdog what is about to be decoded: if the event loop hangs there, it logs these records. */
export type Note = (messages: readonly Message[], partition: number) => void;

import type { Reason } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";

/** A record as Kafka delivers it: the offset and the time it was produced (milliseconds) as decimal text. */
export interface Message {
  key: Buffer | null;
  value: Buffer | null;
  offset: string;
  timestamp: string;
}

/** What one record asks of the table, and as of when: the newest write of a row wins, whatever order they arrive in. */
export type Change =
  | { kind: "upsert"; user: User; writeTimeMicros: number }
  | { kind: "delete"; id: string; writeTimeMicros: number };

/** The row that a change is about. */
export const idOf = (change: Change) => (change.kind === "upsert" ? change.user.id : change.id);

/** A record that fits, and the change it asks for. */
export interface Write {
  message: Message;
  change: Change;
}

/** A record that does not fit, and why. */
export interface DeadLetter {
  message: Message;
  reason: Reason;
  detail: string;
}

/** Every record of a slice in one of two lists. */
export interface Sifted {
  writes: Write[];
  letters: DeadLetter[];
}

/** Reads the records of one topic. It may wait for what it needs to read them, until `stop`. */
export type Route = (messages: readonly Message[], stop: AbortSignal) => Promise<Sifted>;

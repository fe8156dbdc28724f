import { idField } from "./entity.ts";
import type { User } from "./user.ts";

/** The Kafka key: all records of one user are in one partition and so in order. */
export const keyOf = (user: Pick<User, typeof idField>) => user[idField];

/** Why a record cannot be stored. All engines use exactly these values. */
export type Reason =
  | "no_value" // a null value, which has no meaning in the topic of created users
  | "too_large" // larger than any user can be
  | "no_magic_byte" // not in the Confluent wire format
  | "unknown_schema" // the registry has no schema with that id
  | "undecodable" // not valid Avro for its schema, or a schema that cannot be resolved to a user
  | "invalid_user" // decodes to something that is not a valid user
  | "timestamp_ahead" // too far in the future: it would win over every later edit
  | "unsupported_change" // a change event without a row
  | "unreadable_batch" // a whole batch that could not be decoded, skipped by an operator
  | "refused"; // Cassandra rejected the statement as invalid

/** A record that cannot be stored: `reason` for machines, `detail` for people. */
export interface Rejected {
  kind: "rejected";
  reason: Reason;
  detail: string;
}

export const rejected = (reason: Reason, detail: string): Rejected => ({ kind: "rejected", reason, detail });

/**
 * The headers added to a dead letter after the original's headers, which keep their names and bytes: of two with the
 * same name, the last is the added one. Key and value are the original bytes; the letter's timestamp is when it was
 * written.
 */
export const deadLetterHeaders = {
  reason: "reason",
  detail: "detail",
  topic: "source.topic",
  partition: "source.partition",
  offset: "source.offset",
  /** When the original was produced, in milliseconds since 1970. */
  timestamp: "source.timestamp",
  /** Only for a batch, whose bytes are then the letter's value. */
  lastOffset: "source.last_offset",
  /** Why it was skipped. */
  because: "because",
} as const;

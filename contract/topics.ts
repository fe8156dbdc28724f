import { idField } from "./entity.ts";
import type { User } from "./user.ts";

/** The Kafka key: all records of one user are in one partition and so in order. */
export const keyOf = (user: Pick<User, typeof idField>) => user[idField];

/** Why a record cannot be stored, and what that means. All engines use exactly these values. */
export const reasons = {
  no_value: "a null value, which has no meaning in the topic of created records",
  too_large: "larger than any user can be",
  no_magic_byte: "not in the Confluent wire format",
  unknown_schema: "the registry has no schema with that id",
  undecodable: "not valid for its schema, or a schema that cannot be resolved to a user",
  invalid_user: "decodes to something that is not a valid user",
  timestamp_ahead: "too far in the future: it would win over every later edit",
  unsupported_change: "a change event without a row",
  unreadable_batch: "a whole batch that could not be decoded, skipped by an operator",
  refused: "Cassandra rejected the statement as invalid",
} as const;
export type Reason = keyof typeof reasons;

/** A record that cannot be stored: `reason` for machines, `detail` for people. */
export interface Rejected {
  kind: "rejected";
  reason: Reason;
  detail: string;
}

export const rejected = (reason: Reason, detail: string): Rejected => ({ kind: "rejected", reason, detail });

/**
 * The headers added to a dead letter after the original's headers, which keep their names and bytes: of two with the
 * same name, the last is the added one. Key and value are the original bytes; the letter's own timestamp is when it was
 * written. The first five are those of Kafka Connect's dead letters, so that tools for those show ours.
 * Source: Kafka, org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter
 */
export const deadLetterHeaders = {
  topic: "__connect.errors.topic",
  partition: "__connect.errors.partition",
  offset: "__connect.errors.offset",
  /** The reason, where Connect has the class of an exception. */
  reason: "__connect.errors.exception.class.name",
  detail: "__connect.errors.exception.message",
  /** When the original was produced, in milliseconds since 1970. */
  timestamp: "source.timestamp",
  /** Only for a batch, whose bytes are then the letter's value. */
  lastOffset: "source.last_offset",
  /** Why it was skipped. */
  because: "because",
} as const;

/** The names of these headers in letters of version 1.0. */
export const formerDeadLetterHeaders = {
  ...deadLetterHeaders,
  topic: "source.topic",
  partition: "source.partition",
  offset: "source.offset",
  reason: "reason",
  detail: "detail",
} as const;

/**
 * The headers added to a dead letter's record when it is put back on its topic. If it fails again they travel along in
 * the next letter, as headers of the original.
 */
export const replayHeaders = {
  /** The letter's position in the dead-letter topic, `partition:offset`. */
  letter: "replay.letter",
  /** How often the record has been replayed, this time included. */
  attempt: "replay.attempt",
} as const;

import type { User } from "./user.ts";

/** The topic of created users: Avro in the Confluent wire format, keyed by id. */
export const usersCreated = "users_created";

/** The dead-letter topic: every record that cannot be stored, with the reason and the original bytes. */
export const deadLetters = `${usersCreated}.dlq`;

/** The topic that Debezium writes changes of the PostgreSQL table to. */
export const userChanges = "postgresDebesium.public.created_users";

/** The Schema Registry subject of a topic's values (TopicNameStrategy). */
export const valueSubject = (topic: string) => `${topic}-value`;

/** The Kafka key: all records of one user share a partition, and so their order. */
export const keyOf = (user: Pick<User, "id">) => user.id;

/** Why a record cannot be stored. Every engine uses these words, and only these. */
export type Reason =
  | "no_value" // a null value, which the topic of created users does not know
  | "too_large" // more bytes than a user can have
  | "no_magic_byte" // not in the Confluent wire format
  | "unknown_schema" // the registry knows no schema of that id
  | "undecodable" // not the Avro that its schema says, or a schema that cannot become a user
  | "invalid_user" // Avro that decodes to something that is no user
  | "timestamp_ahead" // dated further in the future than is allowed, where it would outlive every later edit
  | "unsupported_change" // a change event that is about no row
  | "unreadable_batch" // a whole batch that could not be read, passed over on a person's word
  | "refused"; // Cassandra called the statement invalid

/** A record that cannot be stored: `reason` for the machine, `detail` for the person who looks into it. */
export interface Rejected {
  kind: "rejected";
  reason: Reason;
  detail: string;
}

export const rejected = (reason: Reason, detail: string): Rejected => ({ kind: "rejected", reason, detail });

/**
 * Headers that a dead letter has beside the original's own, which keep their names and bytes: of two with the same name
 * the last one is the letter's. Key and value are the original's bytes too; the letter's own time is when it was written.
 */
export const deadLetterHeaders = {
  reason: "reason",
  detail: "detail",
  topic: "source.topic",
  partition: "source.partition",
  offset: "source.offset",
  /** When the original was produced, in milliseconds since 1970. */
  timestamp: "source.timestamp",
  /** Of a batch, whose bytes are the letter's value. */
  lastOffset: "source.last_offset",
  /** Why somebody passed over it. */
  because: "because",
} as const;

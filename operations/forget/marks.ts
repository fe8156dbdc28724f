import type { Admin, Kafka, Producer } from "kafkajs";
import { forgottenTopicOf } from "../../contract/entity.ts";
import { type ForgottenNote, noteRecord } from "../../contract/forgotten.ts";
import type { Config } from "../../runtime/config.ts";
import { createTopics } from "../../runtime/kafka/topics.ts";
import { type Forgotten, forgottenBy } from "../../stream/forgotten/forgotten.ts";
import { openNotes } from "../../stream/forgotten/notes.ts";

/**
 * How far the work on the notes is: everybody who was forgotten up to a time is no longer there, in the files of …
 *
 * - postgres: PostgreSQL
 * - cassandra: Cassandra, but for the ids of their deleted rows, which it keeps for `gc_grace_seconds`
 * - cassandra-ids: these
 */
export type Step = "postgres" | "cassandra" | "cassandra-ids";

/** The topic of forgotten users: who was forgotten, and how far the work on it is. */
export interface Marks {
  forgotten: Forgotten;
  hashes: () => string[];
  /** The newest time at which somebody was forgotten whom a step has not reached yet, in milliseconds; undefined if none. */
  pending(step: Step): number | undefined;
  note(ids: readonly string[], by: string): Promise<void>;
  /** Notes that a step is done for everybody forgotten up to a time. */
  done(step: Step, upToMs: number): Promise<void>;
  /** Up to which offset a partition has been copied to its end. */
  copiedBelow(topic: string, partition: number): bigint;
  copied(topic: string, partition: number, below: bigint): Promise<void>;
  /** When something was last removed from there, in milliseconds; 0 if never. */
  removedAtMs(from: "topics" | "cassandra"): number;
  removed(from: "topics" | "cassandra"): Promise<void>;
  /** The compaction settings of a table that were replaced for a moment. */
  compactionOf(keyspace: string): Record<string, string> | undefined;
  keepCompaction(keyspace: string, compaction: Record<string, string> | undefined): Promise<void>;
  close(): Promise<void>;
}

interface Dependencies {
  kafka: Kafka;
  admin: Admin;
  producer: Producer;
  config: Pick<Config, "kafka" | "cdc" | "manageSchema">;
  /** Creates the topic if it is missing. */
  creates: boolean;
}

export async function openMarks({ kafka, admin, producer, config, creates }: Dependencies): Promise<Marks> {
  const topic = forgottenTopicOf(config.kafka.topic);
  if (creates) await createTopics(admin, config);
  const notes = openNotes(kafka, topic);
  await notes.readOn();
  const write = async (key: string, value: string | null) => {
    await producer.send({ topic, acks: -1, messages: [{ key, value }] });
    await notes.readOn();
  };
  const timeOf = (key: string) => Date.parse(notes.others.get(key) ?? "") || 0;
  return {
    forgotten: forgottenBy(notes.forgotten),
    hashes: () => [...notes.forgotten.keys()],
    pending(step) {
      const newest = Math.max(0, ...[...notes.forgotten.values()].map(({ at }) => Date.parse(at)));
      return newest > timeOf(`done/${step}`) ? newest : undefined;
    },
    async note(ids, by) {
      const at = new Date().toISOString();
      const messages = ids.map((id) => noteRecord(id, { at, by } satisfies ForgottenNote));
      if (messages.length > 0) await producer.send({ topic, acks: -1, messages });
      await notes.readOn();
    },
    done: (step, upToMs) => write(`done/${step}`, new Date(upToMs).toISOString()),
    copiedBelow: (of, partition) => BigInt(notes.others.get(`copied/${of}/${partition}`) ?? 0),
    copied: (of, partition, below) => write(`copied/${of}/${partition}`, String(below)),
    removedAtMs: (from) => timeOf(`removed/${from}`),
    removed: (from) => write(`removed/${from}`, new Date().toISOString()),
    compactionOf: (keyspace) => {
      const text = notes.others.get(`compaction/${keyspace}`);
      return text === undefined ? undefined : (JSON.parse(text) as Record<string, string>);
    },
    keepCompaction: (keyspace, compaction) =>
      write(`compaction/${keyspace}`, compaction === undefined ? null : JSON.stringify(compaction)),
    close: notes.close,
  };
}

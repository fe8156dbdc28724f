import type { Admin, Kafka, Producer } from "kafkajs";
import { settledTopicOf } from "../../contract/entity.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { openReader } from "../../runtime/kafka/reader.ts";
import type { FetchedRecord } from "../../runtime/kafka/record-batch.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import { until } from "../../runtime/until.ts";
import { openSink } from "../../stream/cassandra/sink.ts";
import type { Message } from "../../stream/change.ts";
import { readDeadLetterPositions } from "../dead-letter-positions.ts";
import { readLetter } from "../dead-letters/letter.ts";
import { readLetterLog } from "../dead-letters/letter-log.ts";
import { settlementKey } from "../dead-letters/settlement.ts";
import { openTopicChanges } from "../topic-changes.ts";
import { rangeOf } from "../topic-log.ts";
import type { Marks } from "./marks.ts";
import { rewriteTopic, searchTopic } from "./rewrite.ts";

export interface TopicClients {
  kafka: Kafka;
  admin: Admin;
  producer: Producer;
  cassandra: Cassandra;
  registry: Registry;
  config: Pick<Config, "kafka" | "cdc" | "consumer" | "cassandra">;
  log: Log;
}

/** What a topic has of those who were forgotten. */
export interface TopicFindings {
  topic: string;
  records: number;
  /** Records that mention one of them, by partition. */
  found: ReadonlyMap<number, number>;
}

/** The topics that have records of users. */
const topicsOf = ({ kafka: { topic, editTopic, changeTopic, deadLetterTopic } }: Pick<Config, "kafka">) => [
  topic,
  editTopic,
  changeTopic,
  deadLetterTopic,
];

export async function searchTopics({ kafka, config }: Pick<TopicClients, "kafka" | "config">, { forgotten }: Marks) {
  const reader = await openReader(kafka);
  try {
    const findings: TopicFindings[] = [];
    for (const topic of topicsOf(config)) findings.push({ topic, ...(await searchTopic(reader, topic, forgotten)) });
    return findings;
  } finally {
    await reader.close();
  }
}

/** How long the consumer may take to read a topic to its end. */
const readWithinMs = 60_000;

/**
 * Takes those who were forgotten out of a topic. Everybody else's records are read again by the consumer, which changes
 * nothing: `renewDeletions` has to be called before.
 * @throws NotInTime if the consumer's group does not read the topic to its end
 */
export async function cleanTopic(clients: TopicClients, { topic, found }: TopicFindings, marks: Marks) {
  const { kafka, admin, producer, config } = clients;
  const { deadLetterTopic } = config.kafka;
  const reader = await openReader(kafka);
  try {
    const isOfLetters = topic === deadLetterTopic;
    return await rewriteTopic({ kafka, admin, reader, producer }, topic, [...found.keys()], {
      forgotten: marks.forgotten,
      marks,
      whenRead: isOfLetters ? async () => {} : (_, ends) => groupReads(clients, topic, ends),
      openLeftOut: isOfLetters ? async () => () => false : () => openDeadLettered(clients),
      ...(isOfLetters && { onMoved: await openResettling(clients) }),
    });
  } finally {
    await reader.close();
  }
}

/** A record that has a dead letter was not applied, and the letter has its bytes. It must not be read once more. */
async function openDeadLettered({ kafka, admin, config }: TopicClients) {
  const dead = await readDeadLetterPositions({ kafka, admin }, config.kafka.deadLetterTopic);
  return (topic: string, partition: number, { offset }: FetchedRecord) =>
    dead.reasonAt(topic, partition, BigInt(offset)) !== undefined;
}

/** Waits until the consumer's group has committed these offsets, if it has ever committed any of the topic. */
async function groupReads({ admin, config }: TopicClients, topic: string, ends: ReadonlyMap<number, bigint>) {
  const { groupId } = config.consumer;
  const hasRead = async () => {
    const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
    if ([...committed.values()].every((offset) => offset < 0n)) return true;
    return [...ends].every(([partition, end]) => (committed.get(partition) ?? -1n) >= end);
  };
  await until(`the group ${groupId} has read ${topic}`, hasRead, { withinMs: readWithinMs });
}

/**
 * A letter that does not say what failed is known by its own position, under which it may be settled: notes the same
 * under its new one.
 */
async function openResettling({ kafka, admin, producer, config }: TopicClients) {
  const { deadLetterTopic } = config.kafka;
  const { entries } = await readLetterLog({ kafka, admin }, deadLetterTopic);
  const settled = new Map(entries.flatMap(({ key, settlement }) => (settlement ? [[key, settlement] as const] : [])));
  return async (moved: readonly { record: FetchedRecord; partition: number; offset: bigint }[]) => {
    const messages = moved.flatMap(({ record, partition, offset }) => {
      const letter = readLetter(record as Message, partition);
      const settlement = letter.origin ? undefined : settled.get(settlementKey(letter));
      const key = settlementKey({ ...letter, offset: String(offset) });
      return settlement ? [{ key, value: JSON.stringify(settlement) }] : [];
    });
    if (messages.length > 0) await producer.send({ topic: settledTopicOf(deadLetterTopic), acks: -1, messages });
  };
}

/**
 * Writes every deletion in the topics to Cassandra again, with its own write time. Cassandra forgets deletions after
 * `gc_grace_seconds`, and a row that is older would come back when its record is read again from the end of its topic.
 */
export async function renewDeletions(clients: TopicClients, stop: AbortSignal): Promise<number> {
  const { kafka, admin, registry, cassandra, config, log } = clients;
  const changes = openTopicChanges({ kafka, admin, registry, config, log });
  const { from, to } = await rangeOf(admin, changes.topics);
  to.delete(config.kafka.topic); // it has no deletions
  const sink = openSink({ cassandra, keyspace: config.cassandra.keyspace, metrics: unobserved, log });
  let count = 0;
  await changes.read(
    { from, to },
    async ({ writes }) => {
      const deletions = writes.filter(({ change }) => change.kind === "delete");
      count += deletions.length;
      if (deletions.length > 0) await sink.write(deletions, stop);
    },
    stop,
  );
  return count;
}

/** The sink's metrics are the consumer's. */
const unobserved = { writeSeconds: { startTimer: () => () => 0 }, retries: { inc() {} } };

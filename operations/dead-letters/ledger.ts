import type { Admin, Kafka, Message, Producer, Transaction } from "kafkajs";
import { settledTopicOf } from "../../contract/entity.ts";
import type { Config } from "../../runtime/config.ts";
import { createTopics } from "../../runtime/kafka/topics.ts";
import { isTransient } from "../../runtime/kafka.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import type { Settlement } from "./settlement.ts";

/** A letter to be settled, and its record if that is put back on its topic. */
export interface Settling {
  key: string;
  settlement: Settlement;
  record?: { topic: string; message: Message & { partition: number } };
}

/** Settles letters, and puts their records back on their topics, all of them or none. */
export type Settle = (letters: readonly Settling[]) => Promise<void>;

interface Dependencies {
  kafka: Kafka;
  admin: Admin;
  config: Pick<Config, "kafka" | "cdc" | "manageSchema">;
  /** Called before the work is done again, since another command or a failure of Kafka interrupted it. */
  onInterruption?: (error: unknown) => void;
}

/** How long a transaction may stay open, in milliseconds: readers of its topics wait for its end if its writer was killed. */
const transactionTimeoutMs = 10_000;
const maxAttempts = 12;
const [firstPauseMs, maxPauseMs] = [1_000, 30_000];

/**
 * Does `work` as the only one who settles letters: a new one takes over from an earlier one, whose open transaction
 * is then aborted and who cannot commit anything any more. So what `work` reads of the settled letters after its begin
 * stays true until it settles more. If it is interrupted, it is done again after a while, and must read again.
 */
export async function withLedger<T>(
  { kafka, admin, config, onInterruption }: Dependencies,
  work: (settle: Settle) => Promise<T>,
): Promise<T> {
  const settledTopic = settledTopicOf(config.kafka.deadLetterTopic);
  if (!(await admin.listTopics()).includes(settledTopic)) await createTopics(admin, config);
  for (let attempt = 1; ; attempt++) {
    const producer = kafka.producer({
      transactionalId: settledTopic,
      transactionTimeout: transactionTimeoutMs,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    });
    try {
      return await workWith(producer, settledTopic, work);
    } catch (error) {
      if (attempt === maxAttempts || !(isTransient(error) || isTakenOver(error))) throw error;
      onInterruption?.(error);
      await Bun.sleep(Math.random() * Math.min(maxPauseMs, firstPauseMs * 2 ** attempt));
    }
  }
}

async function workWith<T>(producer: Producer, settledTopic: string, work: (settle: Settle) => Promise<T>): Promise<T> {
  let transaction: Transaction | undefined;
  try {
    await producer.connect();
    transaction = await producer.transaction(); // takes over; to Kafka it begins with the first record
    return await work(async (letters) => {
      transaction ??= await producer.transaction();
      await commit(transaction, settledTopic, letters);
      transaction = undefined;
    });
  } finally {
    if (transaction?.isActive()) await transaction.abort().catch(() => {}); // another one has, if this one cannot
    await producer.disconnect().catch(() => {});
  }
}

async function commit(transaction: Transaction, settledTopic: string, letters: readonly Settling[]): Promise<void> {
  const records = letters.flatMap(({ record }) => record ?? []);
  const topicMessages = Object.entries(Object.groupBy(records, ({ topic }) => topic)).map(([topic, group]) => ({
    topic,
    messages: group!.map(({ message }) => message),
  }));
  const sent = topicMessages.length > 0 ? await transaction.sendBatch({ acks: -1, topicMessages }) : [];
  // A partition's records are one batch, in the order in which they were given.
  const next = new Map(
    sent.map(({ topicName, partition, baseOffset }) => [`${topicName}/${partition}`, BigInt(baseOffset ?? -1)]),
  );
  const messages = letters.map(({ key, settlement, record }) => {
    if (!record) return { key, value: JSON.stringify(settlement) };
    const { topic, message } = record;
    const name = `${topic}/${message.partition}`;
    const offset = next.get(name);
    if (offset === undefined) throw new FinalError(`Kafka did not say where in ${name} it put a record`);
    next.set(name, offset + 1n);
    const to = { topic, partition: message.partition, offset: String(offset) };
    return { key, value: JSON.stringify({ ...settlement, to } satisfies Settlement) };
  });
  await transaction.send({ topic: settledTopic, acks: -1, messages });
  await transaction.commit();
}

/**
 * What Kafka answers to a transaction that another one has ended, or that took too long. UNKNOWN is Kafka 4.4's answer if
 * another one is about to end it.
 */
const takenOver = [
  "INVALID_PRODUCER_EPOCH",
  "INVALID_TXN_STATE",
  "INVALID_PRODUCER_ID_MAPPING",
  "UNKNOWN_PRODUCER_ID",
  "UNKNOWN",
];
const isTakenOver = (error: unknown) => takenOver.includes((error as { type?: string }).type ?? "");

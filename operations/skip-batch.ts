import type { Admin, Kafka, KafkaMessage, Producer } from "kafkajs";
import { deadLetterHeaders, type Reason } from "../contract/topics.ts";
import { type UnreadableBatch, unreadableAfter } from "../runtime/kafka/record-batch.ts";
import { FinalError } from "../runtime/lifecycle.ts";
import { partitionLags } from "./lag.ts";

/** The position of an unreadable batch, and why it may be skipped. */
export interface Skip {
  topic: string;
  partition: number;
  /** Any offset of the batch. */
  offset: bigint;
  because: string;
}

interface Clients {
  kafka: Kafka;
  admin: Admin;
  producer: Producer;
  groupId: string;
  deadLetterTopic: string;
}

const reason: Reason = "unreadable_batch";
const readWithinMs = 30_000;

/**
 * Moves a group without members past the unreadable batch it is blocked at, once the dead-letter topic has acknowledged
 * the batch's bytes. Resolves with the batch, or with null if the group is already past that offset.
 * @throws FinalError, without changing anything, if the group has members or is not blocked at this batch
 */
export async function skipBatch(clients: Clients, skip: Skip): Promise<UnreadableBatch | null> {
  const { admin, producer, groupId, deadLetterTopic } = clients;
  const { topic, partition, offset, because } = skip;
  if (!(await admin.listTopics()).includes(topic)) throw new FinalError(`Kafka has no topic ${topic}`);
  const lags = await partitionLags(admin, groupId, topic);
  const at = lags.find((lag) => lag.partition === partition);
  if (!at || offset >= at.end) throw new FinalError(`topic ${topic}, partition ${partition} has no offset ${offset}`);
  if (offset < at.next) return null;
  await expectNoMembers(admin, groupId);

  const batch = unreadableAfter((await messagesAt(clients, topic, partition, at.next)).slice(0, 1));
  if (!batch) throw new FinalError(`the group ${groupId} is not blocked: offset ${at.next} is readable`);
  const { baseOffset, lastOffset, detail, bytes } = batch;
  if (offset < BigInt(baseOffset) || offset > BigInt(lastOffset))
    throw new FinalError(
      `the group ${groupId} is blocked at the batch of offsets ${baseOffset} to ${lastOffset}, not at ${offset}`,
    );

  const headers = {
    [deadLetterHeaders.topic]: topic,
    [deadLetterHeaders.partition]: String(partition),
    [deadLetterHeaders.offset]: baseOffset,
    [deadLetterHeaders.reason]: reason,
    [deadLetterHeaders.detail]: detail,
    [deadLetterHeaders.lastOffset]: lastOffset,
    [deadLetterHeaders.because]: because,
  };
  await producer.send({ topic: deadLetterTopic, acks: -1, messages: [{ key: null, value: bytes, headers }] });
  // Kafka refuses this if a member has joined since.
  const next = String(BigInt(lastOffset) + 1n);
  await admin.setOffsets({ groupId, topic, partitions: [{ partition, offset: next }] });
  return batch;
}

async function expectNoMembers(admin: Admin, groupId: string): Promise<void> {
  const { groups } = await admin.describeGroups([groupId]);
  const members = groups.flatMap((group) => group.members).map(({ clientId, clientHost }) => clientId + clientHost);
  if (members.length > 0)
    throw new FinalError(
      `the group ${groupId} has members; stop them first and restart them afterwards: ${members.join(", ")}`,
    );
}

/** The messages at an offset, read with a separate group that commits nothing. */
async function messagesAt({ kafka, groupId }: Clients, topic: string, partition: number, offset: bigint) {
  const consumer = kafka.consumer({
    groupId: `${groupId}.skip.${crypto.randomUUID()}`,
    maxWaitTimeInMs: 500,
    allowAutoTopicCreation: false,
    retry: { restartOnFailure: async () => false },
  });
  const found = Promise.withResolvers<KafkaMessage[]>();
  const late = () =>
    found.reject(new Error(`offset ${offset} of ${topic}, partition ${partition} was not read in time`));
  const timer = setTimeout(late, readWithinMs);
  consumer.on(consumer.events.CRASH, ({ payload }) => found.reject(payload.error));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition: from, messages } }) => {
        if (from === partition && messages[0] && BigInt(messages[0].offset) >= offset) found.resolve(messages);
      },
    });
    consumer.seek({ topic, partition, offset: String(offset) });
    return await found.promise;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
}

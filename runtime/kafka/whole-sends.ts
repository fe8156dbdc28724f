import type {
  Kafka,
  Message,
  PartitionerArgs,
  Producer,
  ProducerBatch,
  ProducerRecord,
  RecordMetadata,
  TopicMessages,
} from "kafkajs";
import { openPartitioner } from "./partitioner.ts";

type SendBatch = (batch: ProducerBatch) => Promise<RecordMetadata[]>;

/**
 * Makes the producers of a client resolve only once every message is acknowledged. When a partition gets another leader
 * during a send, kafkajs 2.2.4 sends its messages again only if that broker had none of the same send; otherwise it drops
 * them, and resolves.
 */
export function sendWhole(kafka: Kafka): Kafka {
  const open = kafka.producer.bind(kafka);
  kafka.producer = (options) => {
    const partitions = new WeakMap<Message, number>();
    const byDefault = openPartitioner();
    /** Remembers the choice, which for a message without a key would be another one at the next attempt. */
    const partitionOf = (given: PartitionerArgs) => {
      const partition = partitions.get(given.message) ?? byDefault(given);
      partitions.set(given.message, partition);
      return partition;
    };
    const producer = open({ ...options, createPartitioner: () => partitionOf });
    return {
      ...withWholeSends(producer, partitions),
      transaction: async () => withWholeSends(await producer.transaction(), partitions),
    };
  };
  return kafka;
}

function withWholeSends<Sender extends Pick<Producer, "send" | "sendBatch">>(
  sender: Sender,
  partitions: WeakMap<Message, number>,
): Sender {
  const sendBatch = wholeBatch(sender.sendBatch, partitions);
  const send = ({ topic, messages, ...options }: ProducerRecord) =>
    sendBatch({ ...options, topicMessages: [{ topic, messages }] });
  return { ...sender, send, sendBatch };
}

const wholeBatch =
  (sendBatch: SendBatch, partitions: WeakMap<Message, number>): SendBatch =>
  async ({ topicMessages = [], ...options }) => {
    const results: RecordMetadata[] = [];
    for (let left = topicMessages; left.length > 0; left = unsent(left, results, partitions)) {
      const more = await sendBatch({ ...options, topicMessages: left });
      results.push(...more);
      if (more.length > 0 || left.every(({ messages }) => messages.length === 0)) continue;
      throw new Error(`Kafka acknowledged no partition of a send to ${left.map(({ topic }) => topic).join(", ")}`);
    }
    return results;
  };

/** The messages to partitions that no broker has acknowledged. */
function unsent(
  topicMessages: TopicMessages[],
  results: readonly RecordMetadata[],
  partitions: WeakMap<Message, number>,
): TopicMessages[] {
  const acknowledged = new Set(results.map(({ topicName, partition }) => `${topicName} ${partition}`));
  return topicMessages
    .map(({ topic, messages }) => ({
      topic,
      messages: messages.filter((message) => !acknowledged.has(`${topic} ${partitions.get(message)}`)),
    }))
    .filter(({ messages }) => messages.length > 0);
}

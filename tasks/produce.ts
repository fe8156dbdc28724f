import { type Message, Partitioners } from "kafkajs";
import { z } from "zod";
import { keyOf, valueSubject } from "../contract/topics.ts";
import { avroSchema, encode } from "../contract/wire.ts";
import { createTopics, openKafka } from "../runtime/kafka.ts";
import { openRegistry } from "../runtime/registry.ts";
import { inputFlag, inputOption, type Task } from "./task.ts";
import { parseUsers, type UserLine } from "./users.ts";

const usage = `produce: users -> Kafka, Avro keyed by id

  produce [--input backup.jsonl] [--output produced.jsonl] [--rejects FILE]

  --input    users that backup passed on; left out, stdin
  --output   a receipt for each user that the broker acknowledged: id, topic, partition, offset; left out, stdout
  --rejects  lines that are no user, with the reason; left out, beside --output, or the log
`;

/** The broker takes record batches of 1 MB; a send may end up in one partition, and so in one batch. */
const maxSendBytes = 500_000;
/** kafkajs groups a send in quadratic time. */
const maxSendRecords = 500;
/** How long the broker may take to acknowledge a send before the task fails with exit code 1, in milliseconds. */
const acknowledgeWithinMs = 45_000;

/** Where the broker keeps a user. */
interface Receipt {
  id: string;
  topic: string;
  partition: number;
  offset: string;
}

/** users.jsonl -> Kafka -> receipts. A receipt is written for what the broker acknowledged, and for nothing else. */
export const produce: Task<{ input?: string }> = {
  name: "produce",
  usage,
  flags: inputFlag,
  options: z.strictObject(inputOption),

  async work({ config, log, lines, write, reject }, { input }) {
    const { topic } = config.kafka;
    // Before a byte is produced: a breaking schema ends the task here.
    const schemaId = await openRegistry(config.schemaRegistry.url).register(valueSubject(topic), avroSchema);

    const kafka = openKafka(config, "produce", log);
    const admin = kafka.admin();
    await admin.connect();
    await createTopics(admin, config);
    await admin.disconnect();

    const placed = new WeakMap<Message, number>();
    const producer = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      // Without a limit of its own, as idempotence asks; `acknowledgeWithinMs` is the limit.
      retry: undefined,
      createPartitioner: () => {
        const choose = Partitioners.DefaultPartitioner();
        return (args) => {
          const partition = choose(args);
          placed.set(args.message, partition);
          return partition;
        };
      },
    });
    await producer.connect();

    let acknowledged = 0;
    try {
      for await (const batch of lines(input)) {
        const { users, rejects } = parseUsers(batch);
        await reject(rejects);
        for (const messages of sendsOf(users, schemaId)) {
          const results = await within(acknowledgeWithinMs, producer.send({ topic, messages, acks: -1 }));
          const next = new Map(results.map(({ partition, baseOffset }) => [partition, BigInt(baseOffset ?? "-1")]));
          const receipts = messages.map((message): Receipt => {
            const partition = placed.get(message)!;
            const offset = next.get(partition);
            if (offset === undefined || offset < 0n) throw new Error(`no acknowledgement for partition ${partition}`);
            next.set(partition, offset + 1n);
            return { id: String(message.key), topic, partition, offset: String(offset) };
          });
          acknowledged += receipts.length;
          await write(receipts);
        }
      }
    } finally {
      await producer.disconnect();
    }
    return { topic, schemaId, acknowledged };
  },
};

/** Users -> messages, in sends that the broker takes. */
function* sendsOf(users: UserLine[], schemaId: number): Generator<Message[]> {
  let messages: Message[] = [];
  let bytes = 0;
  for (const { user } of users) {
    const value = encode(user, schemaId);
    if (messages.length >= maxSendRecords || (messages.length > 0 && bytes + value.length > maxSendBytes)) {
      yield messages;
      messages = [];
      bytes = 0;
    }
    messages.push({ key: keyOf(user), value });
    bytes += value.length;
  }
  if (messages.length > 0) yield messages;
}

async function within<T>(timeMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Kafka did not acknowledge in ${timeMs / 1_000} s`)), timeMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

import type { Message, Producer, RecordMetadata } from "kafkajs";
import { z } from "zod";
import { valueSubject } from "../contract/entity.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { avroSchema, encode } from "../contract/wire.ts";
import { accessErrorIn } from "../runtime/access-error.ts";
import type { Config } from "../runtime/config.ts";
import { createTopicsOnce } from "../runtime/kafka/topics.ts";
import { isTransient, openKafka } from "../runtime/kafka.ts";
import { FinalError, messageOf, TransientError } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { together } from "../runtime/missing.ts";
import { openRegistry } from "../runtime/registry.ts";
import { inputFlag, inputOption, type Task } from "./task.ts";
import { parseUsers, type UserLine } from "./users.ts";

const usage = `produce: users -> Kafka, Avro keyed by id

  produce [--input backup.jsonl] [--output produced.jsonl] [--rejects FILE]

  -i, --input   users from backup (default: stdin)
  -o, --output  the same users once the broker has acknowledged them (default: stdout)
  --rejects     lines that are not valid users, with the reason
                (default: a file beside --output, or the log)
  -h, --help    show this help and exit
`;

/**
 * The broker accepts record batches of up to 1 MB; a send may go to one partition, and so in one batch. kafkajs groups the
 * records of a send in quadratic time, which is little for the lines that arrive together, at most a thousand.
 */
const maxSendBytes = 500_000;
/** How long the broker may take to acknowledge a send before the task fails with exit code 1, in milliseconds. */
const acknowledgeWithinMs = 45_000;

/** users.jsonl -> Kafka -> the same users. A user is passed on only once the broker has acknowledged it. */
export const produce: Task<{ input?: string }> = {
  name: "produce",
  usage,
  flags: inputFlag,
  options: z.strictObject(inputOption),

  async work({ config, log, lines, write, reject }, { input }) {
    const { topic } = config.kafka;
    // Before anything is produced: an incompatible schema ends the task here.
    const registry = openRegistry(config.schemaRegistry, config.manageSchema);
    const [schemaId, producer] = await together(
      registry.register(valueSubject(topic), avroSchema),
      openProducer(config, log),
    );

    let acknowledged = 0;
    try {
      for await (const batch of lines(input)) {
        const { users, rejects } = parseUsers(batch);
        await reject(rejects);
        for (const part of sendsOf(users, schemaId)) {
          const messages = part.map(({ message }) => message);
          const sent = producer.send({ topic, messages, acks: -1 });
          expectAll(await acknowledgement(sent));
          acknowledged += messages.length;
          await write(part.map(({ user }) => user));
        }
      }
    } finally {
      await producer.disconnect();
    }
    return { acknowledged, topic, schemaId };
  },
};

/** Creates missing topics and connects an idempotent producer. */
async function openProducer(config: Config, log: Log): Promise<Producer> {
  const kafka = openKafka(config, "produce", log);
  try {
    await createTopicsOnce(kafka, config);
    const producer = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      // Giving up after some retries could break idempotence; `acknowledgeWithinMs` is the limit instead.
      retry: { retries: Number.MAX_SAFE_INTEGER },
    });
    await acknowledgement(producer.connect());
    return producer;
  } catch (error) {
    throw classified(error);
  }
}

/** @throws Error unless every partition of a send was acknowledged */
function expectAll(results: RecordMetadata[]) {
  const failed = results.find(({ errorCode, baseOffset }) => errorCode !== 0 || baseOffset === undefined);
  if (failed || results.length === 0)
    throw new Error(`Kafka did not acknowledge every partition of a send: ${JSON.stringify(failed ?? "no response")}`);
}

/** Encodes users as messages and groups them into sends that the broker accepts. */
function* sendsOf(users: UserLine[], schemaId: number): Generator<{ user: User; message: Message }[]> {
  let part: { user: User; message: Message }[] = [];
  let bytes = 0;
  for (const { user } of users) {
    const value = encode(user, schemaId);
    if (part.length > 0 && bytes + value.length > maxSendBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push({ user, message: { key: keyOf(user), value } });
    bytes += value.length;
  }
  if (part.length > 0) yield part;
}

/** @throws TransientError after `acknowledgeWithinMs`, or the classified error of `work` */
async function acknowledgement<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new TransientError(`Kafka did not acknowledge within ${acknowledgeWithinMs / 1_000} s`);
    timer = setTimeout(() => reject(error), acknowledgeWithinMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw classified(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Errors of the broker that retrying does not fix. Source: kafka.apache.org/protocol, "Error Codes". */
const refusals: ReadonlySet<string> = new Set([
  "INVALID_TOPIC_EXCEPTION",
  "INVALID_PARTITIONS",
  "INVALID_REPLICATION_FACTOR",
  "INVALID_CONFIG",
  "POLICY_VIOLATION",
]);

/** Wraps a refusal in a FinalError and a transient error in a TransientError; returns any other error unchanged. */
function classified(error: unknown): unknown {
  const refused = accessErrorIn(error);
  if (refused) return refused;
  const { type, errors = [], cause } = error as { type?: string; errors?: unknown[]; cause?: unknown };
  if (type !== undefined && refusals.has(type))
    return new FinalError(`Kafka refused the request: ${messageOf(error)} (${type})`);
  const inner = [...errors, cause].map((each) => (each ? classified(each) : undefined));
  const refusal = inner.find((each) => each instanceof FinalError);
  return refusal ?? (isTransient(error) ? new TransientError(messageOf(error)) : error);
}

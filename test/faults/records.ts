import { valueSubject } from "../../contract/entity.ts";
import { changeable, validUsers } from "../../contract/samples.ts";
import { keyOf } from "../../contract/topics.ts";
import type { User } from "../../contract/user.ts";
import { avroSchema, encode } from "../../contract/wire.ts";
import { prepareKafka } from "../../runtime/kafka/topics.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { openRegistry } from "../../runtime/registry.ts";
import type { Names } from "../support/names.ts";
import { grantPrograms } from "../support/secure-stack.ts";

/** Produces to a test's own topic and records what the broker acknowledged. */
export interface Recorder {
  schemaId: number;
  /** The acknowledged records by key: the user that was sent, or null if the record is not a user. */
  acknowledged: ReadonlyMap<string, User | null>;
  /** Sends new users, and resolves once all are acknowledged. */
  sendUsers: (count: number) => Promise<void>;
  sendRecords: (records: { key: string; value: Buffer | null; user: User | null }[]) => Promise<void>;
  /** Sends `count` new users at a steady rate, or until `stop`. */
  flow: (count: number, perSecond: number, stop?: AbortSignal) => Promise<void>;
  close: () => Promise<void>;
}

const log = openLog("test-recorder", "fatal");

/** Maximum records per request: the broker accepts at most 1 MB per partition. */
const maxRequestRecords = 500;

/** Creates the test's topics, registers the schema, and connects. */
export async function openRecorder({ config }: Pick<Names, "config">): Promise<Recorder> {
  await prepareKafka(config, "test-recorder", log, new AbortController().signal);
  await grantPrograms(config);
  const schemaId = await openRegistry(config.schemaRegistry).register(valueSubject(config.kafka.topic), avroSchema);
  const producer = openKafka(config, "test-recorder", log, 1_000).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const acknowledged = new Map<string, User | null>();

  const recorder: Recorder = {
    schemaId,
    acknowledged,
    sendUsers: (count) =>
      recorder.sendRecords(
        Array.from({ length: count }, () => {
          const user = newUser();
          return { key: keyOf(user), value: encode(user, schemaId), user };
        }),
      ),
    async sendRecords(records) {
      for (let start = 0; start < records.length; start += maxRequestRecords) {
        const request = records.slice(start, start + maxRequestRecords);
        const messages = request.map(({ key, value }) => ({ key, value }));
        await producer.send({ topic: config.kafka.topic, acks: -1, messages });
        for (const { key, user } of request) acknowledged.set(key, user);
      }
    },
    async flow(count, perSecond, stop) {
      const begin = performance.now();
      for (let sent = 0; sent < count && !stop?.aborted; ) {
        const due = Math.min(count, Math.ceil(((performance.now() - begin) / 1_000) * perSecond));
        if (due > sent) await recorder.sendUsers(due - sent);
        sent = due;
        await Bun.sleep(10);
      }
    },
    close: () => producer.disconnect(),
  };
  return recorder;
}

let users = 0;

/** A new user, based on one of the samples. */
export function newUser(): User {
  const sample = validUsers[users % validUsers.length]!;
  return { ...sample, id: crypto.randomUUID(), [changeable.text]: `${users++}` };
}

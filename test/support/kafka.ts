import type { IHeaders } from "kafkajs";
import type { User } from "../../contract/user.ts";
import { isRejected, readerOf, schemaIdOf } from "../../contract/wire.ts";
import { topicLag } from "../../operations/lag.ts";
import type { Config } from "../../runtime/config.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { openRegistry } from "../../runtime/registry.ts";

/** A record in a topic. */
export interface TopicRecord {
  key: string | null;
  value: Buffer | null;
  /** The headers as text; if a name is repeated, the last one. */
  headers: Record<string, string>;
  /** Every header, as bytes. */
  allHeaders: [name: string, value: Buffer | null][];
  /** When it was produced, in milliseconds since 1970. */
  timestamp: string;
  partition: number;
  offset: bigint;
}

/** All records in a topic at the time of the call; empty if the topic does not exist. */
export async function readTopic(config: Pick<Config, "kafka">, topic: string): Promise<TopicRecord[]> {
  const kafka = openKafka(config, "test-reader", openLog("test-reader", "error"));
  const admin = kafka.admin();
  await admin.connect();
  const groupId = `test-reader-${crypto.randomUUID()}`;
  try {
    if (!(await admin.listTopics()).includes(topic)) return [];
    const ends = (await admin.fetchTopicOffsets(topic))
      .filter(({ low, high }) => BigInt(low) < BigInt(high))
      .map(({ partition, high }) => [partition, BigInt(high)] as const);
    const unread = new Map(ends);
    const records: TopicRecord[] = [];
    if (unread.size === 0) return records;

    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, maxBytesPerPartition: 4 * 1024 * 1024 });
    const done = Promise.withResolvers<void>();
    consumer.on(consumer.events.CRASH, ({ payload }) => done.reject(payload.error));
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { key, value, headers, offset, timestamp } of batch.messages)
          if (BigInt(offset) < (new Map(ends).get(batch.partition) ?? 0n))
            records.push({
              key: key?.toString() ?? null,
              value,
              ...headersOf(headers),
              timestamp,
              partition: batch.partition,
              offset: BigInt(offset),
            });
        // A transaction's marker occupies an offset but is not a record, so progress is taken from the batch.
        if (BigInt(batch.lastOffset()) + 1n >= (unread.get(batch.partition) ?? 0n)) unread.delete(batch.partition);
        if (unread.size === 0) done.resolve();
      },
    });
    await done.promise;
    await consumer.disconnect();
    return records;
  } finally {
    await admin.deleteGroups([groupId]).catch(() => {}); // never joined
    await admin.disconnect();
  }
}

function headersOf(headers: IHeaders = {}): Pick<TopicRecord, "headers" | "allHeaders"> {
  const allHeaders = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, Buffer | null] => [name, value as Buffer | null]),
  );
  return { headers: Object.fromEntries(allHeaders.map(([name, value]) => [name, String(value ?? "")])), allHeaders };
}

/**
 * The users in a topic by id, each record decoded with its writer's schema; the newest record of each id wins.
 * @throws if a record is not a user
 */
export async function readUsers(
  config: Pick<Config, "kafka" | "schemaRegistry">,
  topic: string,
): Promise<Map<string, User>> {
  const registry = openRegistry(config.schemaRegistry);
  const readers = new Map<number, ReturnType<typeof readerOf>>();
  const users = new Map<string, User>();
  for (const { key, value, partition, offset } of await readTopic(config, topic)) {
    const id = schemaIdOf(value);
    const where = `${topic}, partition ${partition}, offset ${offset}`;
    if (typeof id !== "number") throw new Error(`${where}: ${id.detail}`);
    if (!readers.has(id)) {
      const registered = await registry.schemaOf(id);
      if (registered === null) throw new Error(`${where}: the registry has no schema ${id}`);
      readers.set(id, readerOf(registered.schema, registered.references));
    }
    const user = readers.get(id)!((value as Buffer).subarray(5));
    if (isRejected(user)) throw new Error(`${where}: ${user.detail}`);
    if (key !== user.id) throw new Error(`${where}: the key ${key} is not the id ${user.id}`);
    const known = users.get(user.id);
    if (!known || known.timestamp <= user.timestamp) users.set(user.id, user);
  }
  return users;
}

/** The number of records in all partitions of a topic that a consumer group has not committed. */
export async function lagOf(config: Pick<Config, "kafka">, groupId: string, topic: string): Promise<number> {
  const admin = openKafka(config, "test-lag", openLog("test-lag", "error")).admin();
  await admin.connect();
  try {
    return await topicLag(admin, groupId, topic);
  } finally {
    await admin.disconnect();
  }
}

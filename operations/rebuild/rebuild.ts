import type { Admin, Kafka } from "kafkajs";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import { openSink } from "../../stream/cassandra/sink.ts";
import { idOf } from "../../stream/change.ts";
import { type Changes, openTopicChanges } from "../topic-changes.ts";
import { type Offsets, type Range, rangeOf, recordsIn } from "../topic-log.ts";
import { within } from "../within.ts";
import { committedOf } from "./committed.ts";
import { prepareTarget } from "./target.ts";

export interface Dependencies {
  kafka: Kafka;
  admin: Admin;
  cassandra: Cassandra;
  registry: Registry;
  config: Pick<Config, "kafka" | "consumer" | "cdc" | "cassandra">;
  log: Log;
}

/** What was read of a topic, in records. */
export interface TopicReport {
  topic: string;
  /** Whether it exists. */
  exists: boolean;
  records: number;
  /** Upserts and deletes that were written. */
  written: number;
  /** Left out: the consumer did not apply them either. */
  deadLettered: number;
  /** Left out: they have no dead letter yet, but they would get one. */
  rejected: number;
}

/** What has been read of a topic, of how much. */
export type OnProgress = (topic: string, read: number, of: number) => void;

/** How long Cassandra may be away. */
const cassandraPatienceMs = 60_000;

interface Options {
  into: string;
  onProgress?: OnProgress;
  stop: AbortSignal;
}

export interface Rebuilt {
  keyspace: string;
  topics: TopicReport[];
  /** Reads on to the present ends of the topics. */
  continue(): Promise<void>;
  /** What the consumer has applied, by its commits. */
  committed(): Promise<{ offsets: Offsets; lag: number; isGroupKnown: boolean }>;
  /** Whether a record of this row was read at or after such offsets. */
  isChangedSince(id: string, offsets: Offsets): boolean;
}

/**
 * Writes what the topics say into a keyspace of its own, from their first records to their present ends. A rerun, also
 * after it was killed, changes nothing that has been written. It remembers which rows are changed by records that
 * the consumer has not applied at the start: memory is in proportion to these.
 * @throws FinalError if the keyspace is not its own, or if a record cannot be read by this version
 */
export async function rebuild(
  dependencies: Dependencies,
  { into, onProgress = () => {}, stop }: Options,
): Promise<Rebuilt> {
  const { admin, cassandra, config, log } = dependencies;
  await prepareTarget(cassandra, config, into);
  const sink = openSink({ cassandra, keyspace: into, metrics: unobserved, log });
  const changes = openTopicChanges(dependencies);
  const { topics } = changes;
  const { to: firstEnds } = await rangeOf(admin, topics);
  const committed = async () => {
    const { offsets, lag } = await committedOf(admin, config.consumer.groupId, topics);
    return { offsets: offsets ?? firstEnds, lag, isGroupKnown: offsets !== undefined };
  };
  const tail = openTail((await committed()).offsets);
  const reports = new Map(topics.map((topic) => [topic, emptyReport(topic)]));
  let end: Offsets = new Map();

  async function apply(read: Changes, of: number) {
    const silent = `Cassandra has not taken the writes for ${cassandraPatienceMs / 1_000} s; run it again to continue`;
    const refused = await within(cassandraPatienceMs, silent, stop, (signal) => sink.write(read.writes, signal));
    tail.remember(read);
    const report = reports.get(read.topic)!;
    report.records += read.records;
    report.written += read.writes.length - refused.length;
    report.deadLettered += read.deadLettered;
    report.rejected += read.letters.length + refused.length;
    onProgress(read.topic, report.records, of);
  }

  async function readOn() {
    for (let isWhole = false; !isWhole; ) {
      const present = await rangeOf(admin, topics);
      const range: Range = { from: startOf(present.from, end), to: present.to };
      for (const topic of range.to.keys()) reports.get(topic)!.exists = true;
      const already = new Map([...reports].map(([topic, { records }]) => [topic, records]));
      await changes.read(range, (read) => apply(read, already.get(read.topic)! + recordsIn(range, read.topic)), stop);
      end = range.to;
      isWhole = !(await wereDeleted(admin, range));
    }
  }

  await readOn();
  return {
    keyspace: into,
    topics: [...reports.values()],
    continue: readOn,
    committed,
    isChangedSince: tail.isChangedSince,
  };
}

const emptyReport = (topic: string): TopicReport => ({
  topic,
  exists: false,
  records: 0,
  written: 0,
  deadLettered: 0,
  rejected: 0,
});

/** The sink's metrics are the consumer's. */
const unobserved = { writeSeconds: { startTimer: () => () => 0 }, retries: { inc() {} } };

/** The first offsets, or where the last reading ended. */
const startOf = (first: Offsets, end: Offsets): Offsets =>
  new Map(
    [...first].map(([topic, partitions]) => [
      topic,
      new Map([...partitions].map(([partition, offset]) => [partition, end.get(topic)?.get(partition) ?? offset])),
    ]),
  );

/** Whether records of a range have been deleted: `forget` has appended those that stay after it. */
async function wereDeleted(admin: Admin, { from, to }: Range): Promise<boolean> {
  const { from: first } = await rangeOf(admin, [...to.keys()]);
  return [...to].some(([topic, ends]) =>
    [...ends].some(([partition, end]) => {
      const begin = from.get(topic)?.get(partition) ?? 0n;
      return begin < end && (first.get(topic)?.get(partition) ?? 0n) > begin;
    }),
  );
}

/** The rows that are changed from some offsets on: for each partition, the last offset by id. */
function openTail(tailFrom: Offsets) {
  const partitions = new Map<string, { topic: string; partition: number; last: Map<string, bigint> }>();
  return {
    remember({ topic, partition, writes }: Changes) {
      const from = tailFrom.get(topic)?.get(partition) ?? 0n;
      for (const { message, change } of writes) {
        const offset = BigInt(message.offset);
        if (offset < from) continue;
        const key = `${topic}/${partition}`;
        const known = partitions.get(key) ?? { topic, partition, last: new Map() };
        partitions.set(key, known);
        known.last.set(idOf(change), offset);
      }
    },
    isChangedSince(id: string, offsets: Offsets) {
      for (const { topic, partition, last } of partitions.values()) {
        const offset = last.get(id);
        if (offset !== undefined && offset >= (offsets.get(topic)?.get(partition) ?? 0n)) return true;
      }
      return false;
    },
  };
}

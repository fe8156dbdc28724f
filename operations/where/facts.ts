import type { Admin, Kafka } from "kafkajs";
import { idField, settledTopicOf } from "../../contract/entity.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { openReader, type Reader } from "../../runtime/kafka/reader.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Postgres } from "../../runtime/postgres.ts";
import type { Registry } from "../../runtime/registry.ts";
import { openCreatedUsersRoute } from "../../stream/created-users/route.ts";
import { slotLag } from "../connector.ts";
import type { Settlement } from "../dead-letters/settlement.ts";
import { partitionLags } from "../lag.ts";
import { committedPast } from "./commits.ts";
import { type Seen, type SeenLetter, seeAvro, seeChanges, seeEdits, seeLetters } from "./records.ts";
import { type PostgresState, readCassandra, readPostgres, type StoredRow, timeOf } from "./rows.ts";
import { type RunSearch, searchRuns } from "./run-files.ts";
import { settlementsOf } from "./settlements.ts";
import { type FoundRecord, type Looked, openTopicSearch, partitionOf, type TopicSearch } from "./topic-search.ts";

export interface Clients {
  kafka: Kafka;
  sql: Postgres;
  cassandra: Cassandra;
  registry: Registry;
  /** The folder of the runs' files; undefined if this machine has none. */
  runsFolder: string | undefined;
  config: Pick<Config, "kafka" | "cassandra" | "consumer" | "cdc" | "api">;
  log: Log;
}

export interface Options {
  /** Read everything, however long it takes. */
  thorough?: boolean;
  /** How long one service may take, in milliseconds; not with `thorough`. */
  answerWithinMs?: number;
  /** Called while something that takes long is read. */
  onProgress?: (what: string, progress: Progress) => void;
  /** Kafka, if it is being connected to already: the caller closes it. */
  opened?: OpenedKafka;
}

/** The connections to Kafka. Opening them takes as long as all requests, so it is done while other stores are asked. */
export interface OpenedKafka {
  reader: Promise<Reader>;
  admin: Promise<Admin>;
  /** Closes each as soon as it is open. */
  close: () => void;
}

export function connectToKafka(kafka: Kafka): OpenedKafka {
  const client = kafka.admin();
  const reader = openReader(kafka);
  const admin = client.connect().then(() => client);
  const ignore = () => {}; // the caller that awaits them reports the error
  for (const opened of [reader, admin]) opened.catch(ignore);
  return {
    reader,
    admin,
    close() {
      reader.then((opened) => opened.close()).catch(ignore);
      admin.then((opened) => opened.disconnect()).catch(ignore);
    },
  };
}

/** How much has been read of how many records or token ranges. */
export interface Progress {
  read: number;
  of: number;
  unit: string;
}

/** A service that could not be asked, and why. */
export interface Away {
  service: string;
  why: string;
}

/** The first line: the driver of Cassandra adds the whole error of a host. */
export const shortMessage = (error: unknown) => messageOf(error).split("\n", 1)[0] ?? "";

/** Everything that was found of one user; undefined means that its service could not be asked. */
export interface Facts {
  id: string;
  runs: RunSearch | undefined;
  postgres: (PostgresState & { slotLagBytes: number | null }) | undefined;
  cassandra: StoredRow | null | undefined;
  topics: TopicFacts | undefined;
  away: Away[];
}

export interface TopicFacts {
  created: Seen[];
  changes: Seen[];
  edits: Seen[];
  letters: SeenLetter[];
  /** What was done about letters, by their `settlementKey`. */
  settlements: Map<string, Settlement>;
  looked: Looked[];
  /** How many partitions a topic has. */
  partitionsOf: (topic: string) => number;
  /** The offset that the consumers' group reads next, by topic and partition; undefined if it is not known. */
  nextOf: (topic: string, partition: number) => bigint | undefined;
  /** When records were known to be stored, in milliseconds since 1970, by `placeOf`. */
  storedMs: Map<string, number>;
}

export const placeOf = ({ topic, partition, offset }: { topic: string; partition: number; offset: bigint }) =>
  `${topic} ${partition}/${offset}`;

const defaultAnswerWithinMs = 6_000;

/** Asks everything that may know of a user. */
export async function gatherFacts(clients: Clients, id: string, options: Options = {}): Promise<Facts> {
  const { sql, cassandra, config, runsFolder } = clients;
  const { thorough = false, answerWithinMs = defaultAnswerWithinMs } = options;
  const away: Away[] = [];
  const attempt = async <T>(service: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await withinTime(work(), thorough ? undefined : answerWithinMs);
    } catch (error) {
      away.push({ service, why: shortMessage(error) });
      return undefined;
    }
  };
  const opened = options.opened ?? connectToKafka(clients.kafka);
  const [postgres, stored, runs, reader] = await Promise.all([
    attempt("PostgreSQL", async () => {
      const [state, slotLagBytes] = await Promise.all([readPostgres(sql, id), slotLag(sql).catch(() => null)]);
      return { ...state, slotLagBytes };
    }),
    attempt("Cassandra", () => readCassandra(cassandra, config.cassandra.keyspace, id)),
    attempt("the runs' files", () => {
      if (runsFolder === undefined) throw new Error("there is no folder of runs here; set RUNS_DIR");
      return searchRuns(runsFolder, id, thorough);
    }),
    attempt("Kafka", () => opened.reader),
  ]);
  const facts: Facts = { id, runs, postgres, cassandra: stored, topics: undefined, away };
  try {
    if (reader) facts.topics = await attempt("Kafka", () => searchTopics(clients, reader, opened, facts, options));
  } finally {
    if (!options.opened) opened.close();
  }
  return facts;
}

export async function withinTime<T>(work: Promise<T>, limitMs: number | undefined): Promise<T> {
  if (limitMs === undefined) return work;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${limitMs / 1_000} s`)), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The times (milliseconds since 1970) at which something is known to have happened to the user. */
function timesOf({ runs, postgres, cassandra }: Facts): number[] {
  return [
    ...(runs?.found.flatMap(({ traces }) => traces.map(({ writtenMs }) => writtenMs)) ?? []),
    ...(postgres?.row ? [timeOf(postgres.row)] : []),
    ...(postgres?.deletedMs ? [postgres.deletedMs] : []),
    ...[...(cassandra?.writeTimes.values() ?? [])].map((micros) => micros / 1_000),
  ];
}

async function searchTopics(
  clients: Clients,
  reader: Reader,
  opened: OpenedKafka,
  facts: Facts,
  options: Options,
): Promise<TopicFacts> {
  const { config, registry, log } = clients;
  const { topic, changeTopic, editTopic, deadLetterTopic } = config.kafka;
  const { groupId } = config.consumer;
  const route = openCreatedUsersRoute({ registry, maxAheadMs: Number.MAX_SAFE_INTEGER, note: () => {}, log });
  const [searches, next] = await Promise.all([
    openSearches(clients, reader, facts.id, options),
    opened.admin.then((admin) => nextOffsets(admin, groupId, [topic, changeTopic, editTopic])),
  ]);

  const found = await searchRounds(searches, timesOf(facts));
  const of = (name: string) => found.filter((record) => record.topic === name);
  const letters = seeLetters(of(deadLetterTopic));
  const [created, edits, settlements] = await Promise.all([
    seeAvro(of(topic), route).then((seen) => withoutLetters(seen, letters)),
    seeEdits(of(editTopic), { registry, log }).then((seen) => withoutLetters(seen, letters)),
    settlementsOf(reader, settledTopicOf(deadLetterTopic), letters),
  ]);
  const changes = withoutLetters(seeChanges(of(changeTopic)), letters);
  const nextOf = (name: string, partition: number) => next.get(`${name} ${partition}`);
  const storedMs = new Map<string, number>();
  await Promise.all(
    [...created, ...changes, ...edits].map(async (seen) => {
      if (seen.offset >= (nextOf(seen.topic, seen.partition) ?? 0n)) return;
      const atMs = await committedPast(reader, { groupId, ...seen }).catch(() => null);
      if (atMs !== null) storedMs.set(placeOf(seen), atMs);
    }),
  );
  return {
    created,
    changes,
    edits,
    letters,
    settlements,
    looked: searches.map(({ looked }) => looked),
    partitionsOf: (name) => reader.partitions(name).length,
    nextOf,
    storedMs,
  };
}

/** A record with a dead letter was not applied, whatever it says. */
const withoutLetters = (seen: readonly Seen[], letters: readonly SeenLetter[]): Seen[] =>
  seen.map(({ change, ...record }) => {
    const letter = letters.find(({ source }) => source && placeOf(source) === placeOf(record));
    if (letter) return { ...record, unfit: `a dead letter (${letter.reason})` };
    return change ? { ...record, change } : record;
  });

/** A search of the partition of the user's key in each topic, or of all partitions. */
async function openSearches(
  { config }: Clients,
  reader: Reader,
  id: string,
  { thorough = false, onProgress }: Options,
) {
  const { topic, changeTopic, editTopic, deadLetterTopic } = config.kafka;
  const keys = new Map([
    [topic, id],
    [editTopic, id],
    [changeTopic, JSON.stringify({ [idField]: id })],
    [deadLetterTopic, undefined],
  ]);
  const wanted = [...keys].flatMap(([name, key]) => {
    const all = reader.partitions(name);
    const some = thorough || key === undefined || all.length === 0 ? all : [partitionOf(name, key, all)];
    return some.map((partition) => ({ topic: name, partition }));
  });
  return Promise.all(
    wanted.map((each) => {
      const what = `${each.topic} ${each.partition}`;
      const report = (read: bigint, of: bigint) =>
        onProgress?.(what, { read: Number(read), of: Number(of), unit: "records" });
      return openTopicSearch(reader, { ...each, text: id, thorough, ...(thorough && { onProgress: report }) });
    }),
  );
}

/** How often what was found may tell of further times to look at. */
const maxRounds = 6;

async function searchRounds(searches: readonly TopicSearch[], known: readonly number[]): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  let times = new Set(known);
  const lookedAt = new Set<number>();
  for (let round = 0; round < maxRounds; round++) {
    const news = (await Promise.all(searches.map(({ look }) => look(times)))).flat();
    found.push(...news);
    for (const time of times) lookedAt.add(time);
    times = new Set(news.flatMap(timesIn).filter((time) => !lookedAt.has(time)));
    if (times.size === 0) break;
  }
  return found.sort((a, b) => a.partition - b.partition || Number(BigInt(a.record.offset) - BigInt(b.record.offset)));
}

/** When a record was produced, and what else it tells: a change event its row's times, a letter its original's. */
function timesIn(found: FoundRecord): number[] {
  const [change, letter] = [seeChanges([found])[0], seeLetters([found])[0]];
  return [Number(found.record.timestamp), ...(change?.times ?? []), ...(letter?.producedMs ? [letter.producedMs] : [])];
}

/** The records that change the row. */
export const writesIn = ({ created, changes, edits }: TopicFacts): Seen[] => [...created, ...changes, ...edits];

async function nextOffsets(admin: Admin, groupId: string, topics: readonly string[]) {
  const next = new Map<string, bigint>();
  for (const topic of topics) {
    const lags = await partitionLags(admin, groupId, topic).catch(() => []);
    for (const lag of lags) next.set(`${topic} ${lag.partition}`, lag.next);
  }
  return next;
}

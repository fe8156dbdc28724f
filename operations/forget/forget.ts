import { type Admin, ConfigResourceTypes } from "kafkajs";
import type { Config } from "../../runtime/config.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Postgres } from "../../runtime/postgres.ts";
import { NotInTime } from "../../runtime/until.ts";
import { writeForgottenFile } from "../runs/forgotten-file.ts";
import {
  compactCassandra,
  compactionCommands,
  deleteInCassandra,
  isSingleNode,
  searchCassandra,
  tablesOf,
} from "./cassandra.ts";
import { cleanLogs, cleanRuns, type IdOfLine } from "./files.ts";
import { type Marks, openMarks } from "./marks.ts";
import {
  deleteInPostgres,
  type Left,
  noteInPostgres,
  searchPostgres,
  vacuumPostgres,
  whenCaptured,
} from "./postgres.ts";
import { cleanTopic, renewDeletions, searchTopics, type TopicClients } from "./topics.ts";
import { inTurn } from "./turn.ts";

export interface Clients extends TopicClients {
  sql: Postgres;
  config: Config;
}

export interface Options {
  /** Who is to be forgotten, besides those who already were. */
  ids: readonly string[];
  /** The operator's account. */
  by: string;
  /** Whether to change anything. */
  apply: boolean;
  /** Whether somebody has compacted Cassandra's table on all nodes since the rows were deleted. */
  isCompacted: boolean;
  /** The folder of the runs' folders; null if it cannot be written from here. */
  runsDir: string | null;
  /** The native stack's folder, if that is what the clients are connected to. */
  stack: string | null;
  idOfLine: IdOfLine;
  onProgress?: (place: string, text: string, isDone: boolean) => void;
  stop: AbortSignal;
}

/** What a place had of those who were forgotten. */
export interface Place {
  place: string;
  /** Rows, records, lines or ids that were removed, or with `apply` false are there. */
  found: number;
  unit: "rows" | "records" | "lines" | "ids";
}

export interface Report {
  /** How many were ever forgotten. */
  forgotten: number;
  places: Place[];
  /** What is left to be done or to be waited for; with nothing left, no byte of them is on any disk. */
  left: Left[];
}

/** The state of one sweep. */
interface Sweep extends Omit<Clients, "config"> {
  config: Config;
  options: Options;
  marks: Marks;
  places: Place[];
  left: Left[];
  report: (place: string, found: number, unit: Place["unit"]) => void;
}

/**
 * Notes who is to be forgotten, and takes everybody who was noted out of PostgreSQL, Cassandra, the topics, the files of
 * runs and the native stack's logs. The notes come first, so that nobody comes back meanwhile. It needs only the hashes of
 * the notes, so it can be interrupted and done again at any time, for any number of people at once.
 */
export async function forget(clients: Clients, options: Options): Promise<Report> {
  const { apply, by, stop, onProgress } = options;
  const marks = await openMarks({ ...clients, creates: apply });
  const ids = options.ids.filter((id) => !marks.forgotten.has(id));
  const work = () => noteAndSweep(clients, { ...options, ids }, marks);
  try {
    if (!apply) return await work();
    const turn = { sql: clients.sql, topic: clients.config.kafka.topic, stop };
    return await inTurn(turn, work, async (wait) => {
      onProgress?.("another forget", "is running; this one waits for its end", false);
      await marks.note(ids, by);
      await wait();
      onProgress?.("another forget", "has ended", true);
    });
  } finally {
    await marks.close();
  }
}

async function noteAndSweep(clients: Clients, options: Options, marks: Marks): Promise<Report> {
  const { apply, ids, by } = options;
  // Also if that was done before waiting: newer than what another command has noted as done meanwhile.
  if (apply) await marks.note(ids, by);
  const places: Place[] = [];
  const report: Sweep["report"] = (place, found, unit) => {
    places.push({ place, found, unit });
    options.onProgress?.(place, `${found} ${unit} ${apply ? "removed" : "found"}`, true);
  };
  const sweep: Sweep = { ...clients, options, marks, places, left: [], report };
  if (!marks.forgotten.isEmpty()) await sweepAll(sweep);
  return { forgotten: marks.hashes().length, places, left: sweep.left };
}

async function sweepAll(sweep: Sweep) {
  const { options, marks, left } = sweep;
  const { apply, runsDir } = options;
  const hashes = marks.hashes();
  if (apply && runsDir !== null) await writeForgottenFile(runsDir, hashes);
  if (apply) await noteInPostgres(sweep.sql, hashes, sweep.config.manageSchema);
  const inPostgres = await sweepPostgres(sweep);
  const inCassandra = await sweepCassandra(sweep);
  await sweepFiles(sweep);
  const isCaptured = apply && inPostgres ? await whenCaptured(sweep.sql) : undefined;
  if (isCaptured) left.push(isCaptured);
  await sweepTopics(sweep);
  await endInPostgres(sweep, inPostgres);
  await endInCassandra(sweep, inCassandra);
  await expectSegments(sweep);
}

/** Returns whether anything had, or may have, to be deleted. */
async function sweepPostgres({ sql, options: { apply, by, onProgress }, marks, report }: Sweep): Promise<boolean> {
  onProgress?.("PostgreSQL", "searching", false);
  const found = await searchPostgres(sql);
  const isNeeded = found !== null && (found.length > 0 || marks.pending("postgres") !== undefined);
  // If somebody is back, the files have to be rewritten as well: this starts over.
  if (apply) await marks.note(found ?? [], by);
  if (apply && isNeeded) await deleteInPostgres(sql);
  report("PostgreSQL", found?.length ?? 0, "rows");
  return isNeeded;
}

/**
 * Returns whether anything had, or may have, to be deleted, and the newest time at which somebody was forgotten whose
 * deletions were all written by then.
 */
async function sweepCassandra({ cassandra, config, options, marks, report }: Sweep) {
  const { apply, ids, by, onProgress } = options;
  onProgress?.("Cassandra", "searching", false);
  const found = await searchCassandra(cassandra, config, marks.forgotten);
  const count = [...found.values()].reduce((sum, each) => sum + each.length, 0);
  if (apply) await marks.note([...found.values()].flat(), by);
  const newest = marks.pending("cassandra-ids");
  if (apply)
    // Also those that have no row: a consumer may be about to write one.
    for (const [keyspace, inKeyspace] of found)
      await deleteInCassandra(cassandra, keyspace, [...new Set([...inKeyspace, ...ids])], config);
  if (apply && count + ids.length > 0) await marks.removed("cassandra");
  report("Cassandra", count, "rows");
  return { isNeeded: count > 0 || marks.pending("cassandra") !== undefined, newest };
}

async function sweepFiles({ options, marks, report, left }: Sweep) {
  const { apply, runsDir, stack, idOfLine, onProgress } = options;
  if (runsDir === null)
    left.push({
      what: "the files of runs cannot be written from here",
      cure: "set RUNS_DIR to their folder, and run this command by an account that may write to it",
    });
  else {
    onProgress?.("runs", "searching", false);
    report("runs", await cleanRuns(runsDir, marks.forgotten, idOfLine, apply), "lines");
  }
  if (stack !== null) report("logs", await cleanLogs(`${stack}/logs`, marks.forgotten, apply), "ids");
}

/** Records may arrive while others are removed. */
const maxRounds = 3;

async function sweepTopics(sweep: Sweep) {
  const { options, marks, report, left, config } = sweep;
  const { apply, onProgress, stop } = options;
  const removed = new Map<string, number>();
  for (let round = 1; round <= maxRounds; round++) {
    onProgress?.("topics", "searching", false);
    const findings = await searchTopics(sweep, marks);
    for (const { topic } of findings) if (!removed.has(topic)) removed.set(topic, 0);
    const affected = findings.filter(({ found }) => found.size > 0);
    if (!apply) for (const { topic, found } of affected) removed.set(topic, sumOf(found));
    if (!apply || affected.length === 0) break;
    if (affected.some(({ topic }) => topic !== config.kafka.deadLetterTopic)) await renewDeletions(sweep, stop);
    const late: string[] = [];
    for (const finding of affected) {
      const { topic, found, records } = finding;
      onProgress?.(topic, `rewriting ${records} records`, false);
      try {
        const rewritten = await cleanTopic(sweep, finding, marks);
        removed.set(topic, (removed.get(topic) ?? 0) + rewritten.removed);
      } catch (error) {
        if (!(error instanceof NotInTime)) throw error;
        late.push(topic);
        const cure = "start the consumer, or see what doctor says if it runs, and run this command again";
        left.push({ what: `${topic} has ${sumOf(found)} records: ${messageOf(error)}`, cure });
      }
    }
    if (late.length > 0) break;
  }
  onProgress?.("topics", apply ? "clean" : "searched", true);
  for (const [topic, count] of removed) report(topic, count, "records");
}

const sumOf = (found: ReadonlyMap<number, number>) => [...found.values()].reduce((sum, count) => sum + count, 0);

async function endInPostgres({ sql, options: { apply, onProgress }, marks, left }: Sweep, isNeeded: boolean) {
  const newest = marks.pending("postgres") ?? 0;
  if (!isNeeded) return;
  if (!apply) return void left.push({ what: "PostgreSQL's files may have deleted rows", cure: again });
  onProgress?.("PostgreSQL's files", "rewriting", false);
  const remaining = await vacuumPostgres(sql);
  left.push(...remaining);
  if (remaining.length === 0 && newest > 0) await marks.done("postgres", newest);
  onProgress?.("PostgreSQL's files", remaining.length === 0 ? "rewritten" : "not all rewritten", true);
}

const again = "run this command without --check";

async function endInCassandra(
  { cassandra, config, options, marks, left }: Sweep,
  { isNeeded, newest }: Awaited<ReturnType<typeof sweepCassandra>>,
) {
  const { apply, isCompacted, onProgress } = options;
  const tables = await tablesOf(cassandra, config);
  const keyspaces = tables.map(({ keyspace }) => keyspace);
  const graceMs = Math.max(0, ...tables.map(({ graceSeconds }) => graceSeconds)) * 1_000;
  if (newest === undefined && !isNeeded) return;
  const idsUntilMs = marks.removedAtMs("cassandra") + graceMs;
  const isDue = Date.now() > idsUntilMs;
  if (!isNeeded && !isDue) return void left.push(idsLeft(idsUntilMs));
  if (!apply) return void left.push({ what: "Cassandra's files may have deleted rows", cure: again });
  const isOurs = isSingleNode(cassandra) && config.manageSchema;
  if (isOurs) {
    onProgress?.("Cassandra's files", "rewriting", false);
    for (const keyspace of keyspaces)
      await compactCassandra(cassandra, keyspace, marks.compactionOf(keyspace), (compaction) =>
        marks.keepCompaction(keyspace, compaction),
      );
    onProgress?.("Cassandra's files", "rewritten", true);
  }
  const isDone = isOurs || isCompacted;
  if (!isDone)
    left.push({
      what: "Cassandra's files may have deleted rows until it has compacted them",
      cure: `on every node: ${compactionCommands(keyspaces)}; at once and, for the ids, again after ${isoOf(idsUntilMs)}`,
    });
  else if (newest !== undefined) {
    await marks.done("cassandra", newest);
    if (isDue) await marks.done("cassandra-ids", newest);
    else left.push(idsLeft(idsUntilMs));
  }
}

const isoOf = (ms: number) => new Date(ms).toISOString();

const idsLeft = (untilMs: number): Left => ({
  what: "Cassandra keeps the ids of deleted rows for gc_grace_seconds",
  cure: `run this command again after ${isoOf(untilMs)}`,
});

/** Kafka removes the files of deleted records a while later. */
async function expectSegments({ admin, marks, left }: Sweep) {
  const untilMs = marks.removedAtMs("topics") + (await segmentDelayMs(admin));
  if (Date.now() < untilMs)
    left.push({
      what: "Kafka has yet to remove the files of deleted records",
      cure: `it does so before ${isoOf(untilMs)}`,
    });
}

const delays = ["log.retention.check.interval.ms", "log.segment.delete.delay.ms"];
const defaultDelayMs = 360_000;

async function segmentDelayMs(admin: Admin): Promise<number> {
  const { controller, brokers } = await admin.describeCluster();
  const name = String(controller ?? brokers[0]?.nodeId);
  const resources = [{ type: ConfigResourceTypes.BROKER, name }];
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
  const values = (described[0]?.configEntries ?? []).filter(({ configName }) => delays.includes(configName));
  return values.length === delays.length
    ? values.reduce((sum, { configValue }) => sum + Number(configValue), 0)
    : defaultDelayMs;
}

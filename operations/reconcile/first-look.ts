import { forgottenTopicOf, idField } from "../../contract/entity.ts";
import { writeTimeOf } from "../../contract/tables.ts";
import type { Config } from "../../runtime/config.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import { readForgotten } from "../../stream/forgotten/notes.ts";
import { wordsOf } from "../../stream/id-index.ts";
import { openTopicChanges, type TopicChanges } from "../topic-changes.ts";
import { type Offsets, rangeOf } from "../topic-log.ts";
import { type StoredRow, scanRows } from "./cassandra-rows.ts";
import { type Fold, flags, openFold } from "./fold.ts";
import { discardRead } from "./garbage.ts";
import { lettersByUser } from "./letters.ts";
import { type BackedUpRow, hasTable, scanBackedUp } from "./postgres-rows.ts";
import type { Clients, Options, Scope, Step } from "./reconcile.ts";
import { hashOf, noRow } from "./row-hash.ts";
import { type RunFolder, runFolders, usersOfRun } from "./run-files.ts";

/** A user of a run that the topics had no record of when its file was read, or only an older one. */
export interface Fetched {
  timeMicros: number;
  run: RunFolder;
}

/** The state of one comparison. */
export interface Look {
  clients: Clients;
  config: Config;
  scope: Scope;
  fold: Fold;
  topics: TopicChanges;
  /** Reads on to what is now the end of the topics. */
  readOn(): Promise<void>;
  /** The first offsets of the topics when they were read: what is before was deleted, or has other offsets since. */
  first(): Offsets;
  /** By the index of the user. */
  fetched: Map<number, Fetched>;
  notes: string[];
  hasPostgres: boolean;
  progress: (step: Step, rows: number, isDone?: boolean) => void;
  stop: AbortSignal;
}

export function openLook(clients: Clients, config: Config, scope: Scope, { onProgress, stop }: Options): Look {
  const fold = openFold(config.kafka.changeTopic, scope.runId === undefined ? scope.sinceMs : Number.POSITIVE_INFINITY);
  const { kafka, admin, registry, log } = clients;
  const topics = openTopicChanges({ kafka, admin, registry, config, log });
  const progress: Look["progress"] = (step, rows, isDone = false) => onProgress?.(step, rows, isDone);
  let from: Offsets | undefined;
  let first: Offsets = new Map();
  return {
    clients,
    config,
    scope,
    fold,
    topics,
    async readOn() {
      const range = await rangeOf(admin, topics.topics);
      first = range.from;
      await topics.read(
        { from: from ?? range.from, to: range.to },
        (changes) => {
          fold.apply(changes);
          for (const { message } of changes.writes) discardRead(message.value?.length ?? 0);
          if (from === undefined) progress("topics", fold.records());
        },
        stop,
      );
      from = range.to;
    },
    first: () => first,
    fetched: new Map(),
    notes: [],
    hasPostgres: true,
    progress,
    stop,
  };
}

/**
 * Reads everything once and marks what does not fit. `users` are those compared, `suspects` the indexes of those of them
 * that do not fit; for a run all are, since they are few. Forgotten users are none of them: what is left of them is not to be
 * repaired.
 */
export async function firstLook(look: Look) {
  const { fold, scope, clients } = look;
  const { columns, size } = fold.table;
  look.progress("topics", 0);
  await look.readOn();
  look.progress("topics", fold.records(), true);
  const readAtMs = Date.now();
  look.hasPostgres = await hasTable(clients.sql);
  if (!look.hasPostgres) look.notes.push("PostgreSQL has no table, so it was left out");
  if (!look.config.api.log)
    look.notes.push(
      "api.log is off, so the topics do not have the API's writes: a missing row, a newer one and one without a record " +
        "cannot be judged",
    );
  await readRuns(look);
  await readLetters(look);
  if (scope.runId === undefined) {
    await Promise.all([scanCassandra(look), scanPostgres(look)]);
    for (let index = 0; index < size(); index++) expectRows(columns.flags[index]!, index, look);
  }
  let users = 0;
  const suspects: number[] = [];
  const only = scope.ids && new Set(scope.ids.map((id) => fold.indexOf(wordsOf(id))));
  const forgotten = await readForgotten(clients.kafka, forgottenTopicOf(look.config.kafka.topic));
  for (let index = 0; index < size(); index++) {
    if (!fold.has(index, flags.wanted) || only?.has(index) === false) continue;
    if (fold.has(index, flags.suspect) && forgotten.has(fold.table.idAt(index))) continue;
    users++;
    if (fold.has(index, flags.suspect)) suspects.push(index);
  }
  return { users, suspects, readAtMs };
}

/** A row that a record, or the last change event, has must be there. */
function expectRows(has: number, index: number, { fold, hasPostgres }: Look) {
  const isStored = (has & flags.recorded) !== 0 && (has & flags.deleted) === 0;
  if (isStored && !(has & flags.inCassandra)) fold.mark(index, flags.suspect);
  if (hasPostgres && has & flags.captured && !(has & flags.inPostgres)) fold.mark(index, flags.suspect);
}

async function scanCassandra(look: Look) {
  const { clients, config, fold, scope, stop } = look;
  const { columns } = fold.table;
  const sinceMicros = (scope.sinceMs ?? Number.NEGATIVE_INFINITY) * 1_000;
  const scratch = new Uint32Array(4);
  let rows = 0;
  const each = ({ user, timeMicros }: StoredRow) => {
    const index = fold.indexOf(wordsOf(user[idField], scratch));
    const has = columns.flags[index]!;
    const fits =
      (has & flags.recorded) !== 0 &&
      (has & flags.deleted) === 0 &&
      columns.time[index] === timeMicros &&
      (columns.hash[index] === hashOf(user) || (has & flags.incomplete) !== 0);
    fold.mark(index, flags.inCassandra | (fits ? 0 : flags.suspect) | (timeMicros >= sinceMicros ? flags.wanted : 0));
    discardRead(rowBytes);
    if (++rows % progressEvery === 0) look.progress("Cassandra", rows);
  };
  look.progress("Cassandra", 0);
  await scanRows(clients.cassandra, config.cassandra.keyspace, each, stop);
  look.progress("Cassandra", rows, true);
}

const progressEvery = 10_000;
/** About what the values of a row take. */
const rowBytes = 250;

async function scanPostgres(look: Look) {
  const { clients, fold, scope, stop } = look;
  if (!look.hasPostgres) return;
  const { columns } = fold.table;
  const sinceMicros = (scope.sinceMs ?? Number.NEGATIVE_INFINITY) * 1_000;
  const scratch = new Uint32Array(4);
  let rows = 0;
  const each = ({ id, user, timeMicros }: BackedUpRow) => {
    const index = fold.indexOf(wordsOf(id, scratch));
    const hash = user ? hashOf(user) : noRow.incomplete;
    const fits = columns.captured[index] === hash || columns.hash[index] === hash;
    fold.mark(index, flags.inPostgres | (fits ? 0 : flags.suspect) | (timeMicros >= sinceMicros ? flags.wanted : 0));
    discardRead(rowBytes);
    if (++rows % progressEvery === 0) look.progress("PostgreSQL", rows);
  };
  look.progress("PostgreSQL", 0);
  await scanBackedUp(clients.sql, each, stop);
  look.progress("PostgreSQL", rows, true);
}

/** Marks the users that have dead letters. */
async function readLetters({ clients, config, scope, fold, notes, stop }: Look) {
  const { letters, ofNobody } = await lettersByUser(clients, config.kafka.deadLetterTopic, stop);
  if (ofNobody > 0) notes.push(`${ofNobody} dead letters have no id in their key, so they are of no user`);
  const sinceMs = scope.runId === undefined ? (scope.sinceMs ?? Number.NEGATIVE_INFINITY) : Number.POSITIVE_INFINITY;
  for (const [id, { producedMs }] of letters) {
    const isWanted = (producedMs ?? Number.POSITIVE_INFINITY) >= sinceMs;
    fold.mark(fold.indexOf(wordsOf(id)), flags.suspect | (isWanted ? flags.wanted : 0));
  }
}

/** Marks the users of the runs: all of the run that is asked for, of others those without a record that new. */
async function readRuns({ scope, fold, fetched, notes, progress, stop }: Look) {
  const { runsDir, runId, sinceMs = Number.NEGATIVE_INFINITY } = scope;
  if (runsDir === null) {
    if (runId !== undefined) throw new FinalError("the folder of the runs is unknown: set RUNS_DIR");
    notes.push("the files of the runs cannot be read from here (RUNS_DIR), so they were left out");
    return;
  }
  const folders = (await runFolders(runsDir, runId)).filter(({ changedMs }) => changedMs >= sinceMs);
  if (runId !== undefined && folders.length === 0)
    throw new FinalError(`${runsDir} has no folder of the run ${runId} with users.jsonl`);
  progress("runs", 0);
  let users = 0;
  for (const run of folders) {
    stop.throwIfAborted();
    for (const user of await usersOfRun(run)) {
      const index = fold.indexOf(wordsOf(user[idField]));
      const timeMicros = writeTimeOf(user);
      const isKnown = fold.has(index, flags.recorded) && fold.table.columns.time[index]! >= timeMicros;
      if (!isKnown) fetched.set(index, { timeMicros, run });
      fold.mark(index, flags.wanted | (isKnown && runId === undefined ? 0 : flags.suspect));
      users++;
    }
  }
  progress("runs", users, true);
}

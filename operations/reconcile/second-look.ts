import { setTimeout as wait } from "node:timers/promises";
import { partitionLags } from "../lag.ts";
import { rowsOf } from "./cassandra-rows.ts";
import type { Look } from "./first-look.ts";
import type { Newest } from "./fold.ts";
import { letterAgainst, lettersByUser, type UserLetter } from "./letters.ts";
import { type BackedUp, backedUpOf, slotState } from "./postgres-rows.ts";
import { hashOf, noRow } from "./row-hash.ts";
import { type Facts, type Judgement, judge, type Seen } from "./verdict.ts";

/** How many users are looked at together: their facts are in memory. */
const chunkSize = 20_000;
/** How long the slot may take altogether to pass the changes that are looked at; its heartbeat comes every 5 s. */
const slotPatienceMs = 30_000;
const slotEveryMs = 250;
/** From a row in PostgreSQL to its record, in `backup | produce`. */
const pipelineTakesMs = 2_000;

/**
 * Looks at some users again, and judges them. The order makes sure that a write in between is no false alarm: first the
 * group's offsets, so that whatever is before them is in Cassandra or the dead-letter topic; then these two and
 * PostgreSQL; last the topics to their end, which have every record that can have been stored by then, and every change
 * that the slot has passed. They may also have changes that were made in PostgreSQL after it was read: a row that has
 * changed since then is late.
 */
export async function lookAgain(look: Look, indexes: readonly number[]): Promise<Map<number, Judgement>> {
  const judgements = new Map<number, Judgement>();
  if (indexes.length === 0) return judgements;
  const { clients, config, stop } = look;
  look.progress("second look", 0);
  const isBehind = await openCommitted(look);
  const { letters } = await lettersByUser(clients, config.kafka.deadLetterTopic, stop);
  const slotUntil = performance.now() + slotPatienceMs;

  for (let start = 0; start < indexes.length; start += chunkSize) {
    stop.throwIfAborted();
    const chunk = indexes.slice(start, start + chunkSize);
    const idOf = (index: number) => look.fold.table.idAt(index);
    const inCassandra = await seenInCassandra(look, chunk.map(idOf));
    const inPostgres = look.hasPostgres ? await backedUpOf(clients.sql, chunk.map(idOf)) : nowhere;
    const judgeThese = (some: readonly number[], isSlotBehind: boolean) => {
      for (const index of some) {
        const facts = factsOf(look, index, { inCassandra, inPostgres, letters, isBehind, isSlotBehind });
        judgements.set(index, judge(facts));
      }
    };
    await look.readOn();
    judgeThese(chunk, true);
    const isSlotAwaited = chunk.some((index) => isOfPostgres(judgements.get(index)!));
    if (isSlotAwaited && (await slotPasses(look, inPostgres.lsn, slotUntil))) {
      await look.readOn();
      judgeThese(chunk, false);
      const faulty = chunk.filter((index) => isFault(judgements.get(index)!));
      judgeThese(await changedSince(look, inPostgres, faulty), true);
    }
    look.progress("second look", start + chunk.length, start + chunk.length === indexes.length);
  }
  return judgements;
}

/** Those whose rows in PostgreSQL have changed since they were read: the topics may have more of them than was read. */
async function changedSince({ clients, fold }: Look, before: BackedUp, indexes: readonly number[]): Promise<number[]> {
  if (indexes.length === 0) return [];
  const ids = new Map(indexes.map((index) => [index, fold.table.idAt(index)]));
  const now = await backedUpOf(clients.sql, [...ids.values()]);
  const stateOf = ({ rows, deletedMicros }: BackedUp, id: string) => [rows.get(id), deletedMicros.get(id)];
  return indexes.filter((index) => !Bun.deepEquals(stateOf(before, ids.get(index)!), stateOf(now, ids.get(index)!)));
}

const isFault = ({ verdict }: Judgement) => verdict !== "equal" && verdict !== "late";
const isOfPostgres = ({ verdict, cause }: Judgement) => verdict === "late" && cause?.endsWith("PostgreSQL");

const nowhere: BackedUp = { rows: new Map(), deletedMicros: new Map(), lsn: "0/0" };

/** Whether the group has yet to commit a record. */
async function openCommitted({ clients, config, topics, notes }: Look) {
  const { groupId } = config.consumer;
  const next = new Map<string, Map<number, bigint>>();
  const existing = new Set(await clients.admin.listTopics());
  for (const topic of topics.topics.filter((name) => existing.has(name))) {
    const lags = await partitionLags(clients.admin, groupId, topic);
    next.set(topic, new Map(lags.map(({ partition, next }) => [partition, next])));
  }
  const { groups } = await clients.admin.describeGroups([groupId]);
  if (groups[0]?.state === "Dead")
    notes.push(`Kafka has no group ${groupId}: records that are not in Cassandra count as late`);
  return ({ topic, partition, offset }: Newest) => (next.get(topic)?.get(partition) ?? 0n) <= BigInt(offset);
}

async function seenInCassandra({ clients, config }: Look, ids: string[]): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  const keep = (id: string, { user, timeMicros }: { user: Parameters<typeof hashOf>[0]; timeMicros: number }) =>
    seen.set(id, { hash: hashOf(user), timeMicros });
  await rowsOf(clients.cassandra, config.cassandra.keyspace, ids, keep);
  return seen;
}

interface Around {
  inCassandra: Map<string, Seen>;
  inPostgres: BackedUp;
  letters: ReadonlyMap<string, UserLetter>;
  isBehind: (newest: Newest) => boolean;
  isSlotBehind: boolean;
}

function factsOf(look: Look, index: number, around: Around): Facts {
  const { fold, fetched, config, hasPostgres } = look;
  const { inCassandra, inPostgres, letters, isBehind, isSlotBehind } = around;
  const id = fold.table.idAt(index);
  const newest = fold.newest(index);
  const backedUp = inPostgres.rows.get(id);
  const ofRun = fetched.get(index);
  return {
    newest,
    isBehind: newest !== null && isBehind(newest),
    cassandra: inCassandra.get(id) ?? null,
    postgres: backedUp
      ? { hash: backedUp.user ? hashOf(backedUp.user) : noRow.incomplete, timeMicros: backedUp.timeMicros }
      : null,
    deletedMicros: inPostgres.deletedMicros.get(id) ?? null,
    captured: hasPostgres ? fold.captured(index) : noRow.unknown,
    isSlotBehind,
    fetched: ofRun ? { timeMicros: ofRun.timeMicros, isRunning: ofRun.run.isRunning } : null,
    letter: letterAgainst(newest, letters.get(id), look.first()),
    isApiLogged: config.api.log,
    changeTopic: config.kafka.changeTopic,
  };
}

/**
 * Waits until the slot is past a position of the log; returns whether it is. Without a slot, only the pipeline brings
 * PostgreSQL's rows to a topic, and gets a moment for that.
 */
async function slotPasses({ clients, notes, stop }: Look, lsn: string, until: number): Promise<boolean> {
  for (;;) {
    const slot = await slotState(clients.sql, lsn);
    if (!slot) await wait(pipelineTakesMs, undefined, { signal: stop });
    if (!slot || slot.behindBytes === 0) return true;
    if (!slot.isActive || performance.now() > until) {
      const behind = `the slot ${slot.name} is ${slot.behindBytes} bytes behind${slot.isActive ? "" : ", and no connector reads it"}`;
      if (!notes.some((note) => note.startsWith(`the slot ${slot.name} `)))
        notes.push(`${behind}: changes that it has not passed are late`);
      return false;
    }
    await wait(slotEveryMs, undefined, { signal: stop });
  }
}

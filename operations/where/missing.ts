import { slot } from "../../contract/entity.ts";
import { deletedTable } from "../../contract/tables.ts";
import type { Config } from "../../runtime/config.ts";
import { operatorCommand } from "../../runtime/operator-command.ts";
import { type Facts, placeOf, type TopicFacts } from "./facts.ts";
import type { Seen, SeenLetter } from "./records.ts";
import { timeOf } from "./rows.ts";
import type { FoundRun } from "./run-files.ts";
import { stageFiles } from "./run-files.ts";
import type { Looked } from "./topic-search.ts";

/** A stage that the user has not reached, as far as is known, and why. */
export interface Missing {
  stage: string;
  why: string;
}

type Settings = Pick<Config, "kafka" | "consumer" | "cdc">;

/** Why the user, or its last change, is missing where it could be. Pure. */
export function missingOf(facts: Facts, settings: Settings): Missing[] {
  const { runs, postgres, topics } = facts;
  return [
    ...(runs ? missingFiles(runs) : []),
    ...(postgres && !postgres.row && postgres.deletedMs === null ? [{ stage: "PostgreSQL", why: noRow(facts) }] : []),
    ...(topics ? missingRecords(topics, settings) : []),
    ...(topics ? missingChanges(facts, topics, settings) : []),
    ...(topics ? topics.letters.flatMap((letter) => missingForLetter(letter, topics)) : []),
    ...missingInCassandra(facts, settings),
  ];
}

function missingFiles(runs: NonNullable<Facts["runs"]>): Missing[] {
  if (runs.found.length > 0) return runs.found.flatMap(incomplete);
  const since = runs.sinceMs === undefined ? "" : ` since ${new Date(runs.sinceMs).toISOString().slice(0, 16)}Z`;
  const looked = `${runs.runs} ${runs.runs === 1 ? "run" : "runs"}${since} looked at`;
  const skipped = runs.skipped > 0 ? `, not the ${runs.skipped} older ones (--thorough reads them)` : "";
  return [
    {
      stage: "run",
      why: `no run's files have it: fetched before, streamed, or entered elsewhere; ${looked}${skipped}`,
    },
  ];
}

/** The next task of a run after the last one that passed the user on. */
function incomplete({ run, traces, completed }: FoundRun): Missing[] {
  if (traces.some(({ rejected }) => rejected !== undefined)) return [];
  const passed = stageFiles.findLastIndex(({ task }) => traces.some((trace) => trace.task === task));
  const next = stageFiles[passed + 1];
  if (!next) return [];
  const done = stageFiles.findIndex(({ task }) => task === completed);
  const why =
    done > passed
      ? `${next.file} of run ${run} does not have it: ${next.task === "backup" ? "it was deleted in PostgreSQL" : "the task left it out"}`
      : `run ${run} has no ${next.file}: ${next.task} has not succeeded`;
  return [{ stage: next.task, why }];
}

const noRow = ({ topics, cassandra }: Facts) =>
  topics?.created.length || cassandra
    ? `no row, and ${deletedTable} does not list it: it did not pass through backup`
    : `no row, and ${deletedTable} does not list it`;

const lookedText = (looked: readonly Looked[], topic: string, topics: TopicFacts) => {
  const partitions = looked.filter((each) => each.topic === topic);
  if (partitions.length === 0) return "Kafka has no such topic";
  const isWhole = partitions.every(({ ranges, bounds, isCut }) => {
    const read = ranges.reduce((sum, { from, to }) => sum + (to - from), 0n);
    return !isCut && read === bounds.to - bounds.from;
  });
  const isAll = partitions.length === topics.partitionsOf(topic);
  if (isWhole) return isAll ? "in no record of it" : `in no record of partition ${partitions[0]?.partition}, its key's`;
  return "in no record around the known times; --thorough reads all of it";
};

/** A user may come only from the API. */
const missingRecords = (topics: TopicFacts, { kafka }: Settings): Missing[] =>
  topics.created.length + topics.edits.length > 0
    ? []
    : [{ stage: kafka.topic, why: lookedText(topics.looked, kafka.topic, topics) }];

/** The change topic lacks the row as PostgreSQL has it now. */
function missingChanges({ postgres }: Facts, topics: TopicFacts, { kafka, cdc }: Settings): Missing[] {
  if (!cdc.apply || !postgres?.row) return [];
  const atMs = timeOf(postgres.row);
  const isCaptured = topics.changes.some(({ change, times }) => change?.kind === "upsert" && times.includes(atMs));
  if (isCaptured) return [];
  const { slotLagBytes } = postgres;
  const stage = kafka.changeTopic;
  if (slotLagBytes === null)
    return [{ stage, why: `nothing captures changes: PostgreSQL has no replication slot ${slot}` }];
  const looked = lookedText(topics.looked, stage, topics);
  const behind = slotLagBytes > 0 ? `; slot ${slot} is ${slotLagBytes} bytes behind, so it may still come` : "";
  return [{ stage, why: `${looked}${behind}` }];
}

const missingForLetter = ({ source, reason, settlementKey }: SeenLetter, { settlements }: TopicFacts): Missing[] =>
  source && !settlements.has(settlementKey)
    ? [{ stage: "Cassandra", why: `${placeOf(source)} was not applied: it is a dead letter (${reason})` }]
    : [];

function missingInCassandra(facts: Facts, settings: Settings): Missing[] {
  const { cassandra, topics } = facts;
  if (cassandra === undefined) return [];
  const newest = topics && newestOf(topics, settings);
  const stage = "Cassandra";
  if (!newest) {
    return cassandra ? [] : [{ stage, why: "no row; a deleted one is not visible either" }];
  }
  const storedMicros = Math.max(0, ...(cassandra?.writeTimes.values() ?? []));
  const isStored = cassandra !== null && storedMicros >= Number(newest.change?.writeTimeMicros);
  if (isStored) return [];
  if (newest.change?.kind === "delete" && cassandra === null)
    return [{ stage, why: `no row: ${placeOf(newest)} deleted it` }];
  const what = cassandra ? `lacks the change of ${placeOf(newest)}` : "no row";
  return [{ stage, why: `${what}: ${whyUnstored(newest, topics, settings)}` }];
}

/** The record with the newest write. */
const newestOf = ({ created, changes, edits }: TopicFacts, { cdc }: Settings): Seen | undefined =>
  [...created, ...edits, ...(cdc.apply ? changes : [])]
    .filter(({ change }) => change)
    .sort((a, b) => Number(b.change?.writeTimeMicros) - Number(a.change?.writeTimeMicros))[0];

function whyUnstored(record: Seen, topics: TopicFacts, { consumer }: Settings): string {
  const { topic, partition, offset } = record;
  const next = topics.nextOf(topic, partition);
  if (next === undefined) return `the position of the group ${consumer.groupId} is not known`;
  if (next <= offset) {
    const behind = offset + 1n - next;
    return `the group ${consumer.groupId} is ${behind} ${behind === 1n ? "record" : "records"} behind ${placeOf(record)}`;
  }
  return (
    `the group ${consumer.groupId} is past ${placeOf(record)}, so it was stored: deleted by a newer write that is not ` +
    `visible, or lost; ${operatorCommand("reconcile")} tells`
  );
}

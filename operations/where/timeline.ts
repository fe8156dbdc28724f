import { isDeepStrictEqual } from "node:util";
import { timeField } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import type { Settlement } from "../dead-letters/settlement.ts";
import { type Facts, placeOf, writesIn } from "./facts.ts";
import { type Content, differences, type FieldChange, type Seen, type SeenLetter } from "./records.ts";
import { timeOf } from "./rows.ts";
import type { FoundRun } from "./run-files.ts";

/** Something that happened to the user. */
export interface Entry {
  /** In microseconds since 1970. */
  atMicros: number;
  stage: string;
  /** The file and line, or the topic, partition and offset. */
  place: string;
  detail: string;
  /** The same for programs. */
  facts: Record<string, unknown>;
  /** Of what is a record in a topic: the record itself. */
  record?: Content;
}

/** What a store has of the user. */
export interface State {
  store: string;
  detail: string;
  facts: Record<string, unknown>;
}

/** Everything that happened, in order. Pure. */
export function historyOf({ runs, topics, postgres }: Facts, groupId: string): Entry[] {
  const seen = topics ? writesIn(topics) : [];
  const effects = effectsOf(seen);
  const entries = [
    ...(runs?.found ?? []).flatMap(runEntries),
    ...seen.map((record) => recordEntry(record, effects.get(record) ?? "")),
    ...seen.flatMap((record) => storedEntry(record, topics?.storedMs.get(placeOf(record)), groupId)),
    ...(topics?.letters ?? []).map(letterEntry),
    ...(topics?.letters ?? []).flatMap((letter) => settledEntry(letter, topics?.settlements.get(letter.settlementKey))),
    ...(postgres?.deletedMs ? [deletedEntry(postgres.deletedMs)] : []),
  ];
  return entries.sort((a, b) => orderOf(a) - orderOf(b));
}

/** File systems read a clock that is late by up to 10 ms. */
const orderOf = ({ atMicros, facts }: Entry) => atMicros + ("file" in facts ? 10_000 : 0);

const runEntries = ({ run, traces }: FoundRun): Entry[] =>
  traces.map(({ task, file, line, writtenMs, rejected }) => ({
    atMicros: Math.round(writtenMs * 1_000),
    stage: rejected === undefined ? task : "rejected",
    place: `${file}:${line}`,
    detail: `run ${run}${rejected === undefined ? "" : `: ${rejected}`}`,
    facts: { run, file, line, ...(rejected !== undefined && { rejected }) },
  }));

function recordEntry(record: Seen, effect: string): Entry {
  const { producedMs, schemaId, change, operation, edit, unfit } = record;
  const about = [
    ...(operation ? [operation] : []),
    ...(edit ? [edit.author === null ? "no token" : `by ${edit.author}`, `request ${edit.requestId}`] : []),
    ...(change ? [`as of ${shownMicros(change.writeTimeMicros, producedMs)}`] : []),
    ...(schemaId === undefined ? [] : [`schema ${schemaId}`]),
  ].join(", ");
  return {
    atMicros: producedMs * 1_000,
    stage: edit ? "edited" : operation ? "captured" : "sent",
    place: placeOf(record),
    detail: `${unfit ?? effect}${about && ` (${about})`}`,
    facts: {
      ...positionFacts(record),
      schemaId,
      operation,
      ...edit,
      producedAt: new Date(producedMs).toISOString(),
      writeTimeMicros: change?.writeTimeMicros,
      effect: unfit ?? effect,
    },
    ...(record.content && { record: record.content }),
  };
}

const storedEntry = (record: Seen, storedMs: number | undefined, groupId: string): Entry[] =>
  storedMs === undefined || !record.change
    ? []
    : [
        {
          atMicros: storedMs * 1_000,
          stage: "stored",
          place: placeOf(record),
          detail: `by then: ${groupId} committed past it`,
          facts: { ...positionFacts(record), groupId },
        },
      ];

const letterEntry = (letter: SeenLetter): Entry => ({
  atMicros: letter.writtenMs * 1_000,
  stage: "dead letter",
  place: placeOf(letter),
  detail: `${letter.reason}: ${letter.detail}${letter.source ? `; from ${placeOf(letter.source)}` : ""}`,
  facts: {
    ...positionFacts(letter),
    reason: letter.reason,
    detail: letter.detail,
    producedMs: letter.producedMs,
    source: letter.source && positionFacts(letter.source),
  },
  record: letter.content,
});

const settledEntry = (letter: SeenLetter, settlement: Settlement | undefined): Entry[] => {
  if (!settlement) return [];
  const { action, at, by, because, to } = settlement;
  const where = to ? ` to ${placeOf({ ...to, offset: BigInt(to.offset) })}` : "";
  const detail = `${action}${where} by ${by}${because ? `: ${because}` : ""}`;
  return [
    { atMicros: Date.parse(at) * 1_000, stage: "settled", place: placeOf(letter), detail, facts: { ...settlement } },
  ];
};

const deletedEntry = (deletedMs: number): Entry => ({
  atMicros: deletedMs * 1_000,
  stage: "deleted",
  place: "PostgreSQL",
  detail: "the pipeline does not bring it back",
  facts: {},
});

const positionFacts = ({ topic, partition, offset }: { topic: string; partition: number; offset: bigint }) => ({
  topic,
  partition,
  offset: String(offset),
});

/** What each record changed: the newest write wins, so it depends on the writes with earlier times. */
function effectsOf(seen: readonly Seen[]): Map<Seen, string> {
  const effects = new Map<Seen, string>();
  const arrived = [...seen].sort((a, b) => a.producedMs - b.producedMs);
  for (const [index, record] of arrived.entries()) {
    const { change } = record;
    if (!change) continue;
    const earlier = arrived.slice(0, index).filter((other) => other.change);
    const same = earlier.find((other) => other.change?.writeTimeMicros === change.writeTimeMicros);
    const newer = earlier.find((other) => Number(other.change?.writeTimeMicros) > change.writeTimeMicros);
    if (newer) effects.set(record, `nothing: ${placeOf(newer)} is newer`);
    else if (same && isDeepStrictEqual(same.change, change))
      effects.set(record, `nothing: the same as ${placeOf(same)}`);
    else effects.set(record, effectAfter(newest(earlier), change));
  }
  return effects;
}

const newest = (seen: readonly Seen[]): Seen["change"] =>
  seen.map(({ change }) => change).sort((a, b) => Number(b?.writeTimeMicros) - Number(a?.writeTimeMicros))[0];

function effectAfter(before: Seen["change"], change: NonNullable<Seen["change"]>): string {
  if (change.kind === "delete") return "deletes the row";
  if (before?.kind !== "upsert") return "writes the row";
  const changed = differences(before.user, change.user, change.kept).filter(({ field }) => field !== timeField);
  return changed.length === 0 ? "the same values" : changed.map(changeText).join(", ");
}

const maxShownLength = 40;
const shownValue = (value: unknown) => {
  const text = value === null ? "null" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength - 1)}…` : text;
};
const changeText = ({ field, from, to }: FieldChange) => `${field} ${shownValue(from)} → ${shownValue(to)}`;

/** A write time, in microseconds if it has them, with its date unless that is the day of `besideMs`. */
function shownMicros(micros: number, besideMs?: number): string {
  const iso = new Date(Math.floor(micros / 1_000)).toISOString();
  const rest = micros % 1_000 === 0 ? "" : String(micros % 1_000).padStart(3, "0");
  const [date, time] = [iso.slice(0, 10), `${iso.slice(11, 23)}${rest}`];
  return besideMs !== undefined && new Date(besideMs).toISOString().startsWith(date) ? time : `${date} ${time}`;
}

/** What the stores have now. `isLogged`: whether edits through the API are records, too. Pure. */
export function statesOf({ postgres, cassandra, topics }: Facts, isLogged: boolean): State[] {
  const states: State[] = [];
  if (postgres?.row)
    states.push({
      store: "PostgreSQL",
      detail: `row of ${shownMicros(timeOf(postgres.row) * 1_000)}`,
      facts: { row: postgres.row },
    });
  if (cassandra) {
    const seen = topics ? writesIn(topics) : [];
    states.push({
      store: "Cassandra",
      detail: [...writesText(cassandra.writeTimes, seen, isLogged), ...againstText(cassandra.user, postgres?.row)].join(
        "; ",
      ),
      facts: { row: cassandra.user, writeTimesMicros: Object.fromEntries(cassandra.writeTimes) },
    });
  }
  return states;
}

/** Which write each column is from. */
function writesText(writeTimes: ReadonlyMap<string, number>, seen: readonly Seen[], isLogged: boolean): string[] {
  const unknown = `a write that is in none of the records found${isLogged ? "" : ", as edits are while api.log is false"}`;
  const byTime = Map.groupBy(writeTimes.keys(), (column) => writeTimes.get(column) ?? 0);
  return [...byTime].map(([micros, columns]) => {
    const from = seen.find(({ change }) => change?.writeTimeMicros === micros);
    const what = byTime.size === 1 ? "every column" : columns.join(", ");
    const by = from ? placeOf(from) : unknown;
    return `${what} written ${shownMicros(micros)} by ${by}`;
  });
}

function againstText(stored: User, row: User | null | undefined): string[] {
  if (!row) return [];
  const changed = differences(row, stored).map(({ field }) => field);
  return changed.length === 0 ? [] : [`differs from PostgreSQL in ${changed.join(", ")}`];
}

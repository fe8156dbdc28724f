import { writeTimeOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import type { Evidence } from "./evidence.ts";
import type { Cause, Verdict } from "./verdict.ts";

/** A field that differs between the write that should be there and the store. */
export interface FieldDifference {
  field: keyof User;
  expected: unknown;
  found: unknown;
}

/** What is wrong with one user, for people and programs. */
export interface Finding {
  id: string;
  verdict: Verdict;
  cause: Cause;
  /** What is on each side, in one sentence. */
  explanation: string;
  /** The newest record, which should have won; its write time is in microseconds since 1970. */
  record: { topic: string; partition: number; offset: number; writeTimeMicros: number } | null;
  /** `expected` is the record's value, or if there is no such record PostgreSQL's. */
  fields: FieldDifference[];
}

export function describe(evidence: Evidence): Finding {
  const { id, verdict, cause, record } = evidence;
  return {
    id,
    verdict,
    cause,
    explanation: explanations[cause](evidence),
    record: record && {
      topic: record.topic,
      partition: record.partition,
      offset: record.offset,
      writeTimeMicros: record.timeMicros,
    },
    fields: differences(evidence),
  };
}

const explanations: Record<Cause, (evidence: Evidence) => string> = {
  "no row in Cassandra": () => "the group has read the record, but Cassandra has no row",
  "older row in Cassandra": ({ cassandra }) =>
    `Cassandra has an older row, ${written(cassandra)}; the record should have won`,
  "newer row in Cassandra": ({ cassandra }) =>
    `Cassandra has a row ${written(cassandra)} that is newer than every record: no record has written it, and it wins`,
  "other row in Cassandra": () =>
    "Cassandra has other values at the record's own write time, which no record has written",
  "other write time in Cassandra": ({ cassandra }) => `Cassandra has the record's values, but ${written(cassandra)}`,
  "deleted row in Cassandra": ({ cassandra }) =>
    `the record deletes the row, but Cassandra still has one, ${written(cassandra)}; the deletion should have won`,
  "row in Cassandra without a record": ({ cassandra }) =>
    `Cassandra has a row, ${written(cassandra)}; no topic knows the id`,
  "newer row in PostgreSQL": ({ postgres, record }) =>
    `PostgreSQL has a row of ${timeText(postgres?.timeMicros)}, ${record ? "newer than every record" : "and no topic has a record of it"}`,
  "other row in PostgreSQL": ({ postgres }) =>
    `PostgreSQL has other values, of ${timeText(postgres?.timeMicros)}, than the record, which should be its last change`,
  "deletion in PostgreSQL": ({ deletedMicros }) =>
    `PostgreSQL no longer has the row${deletedMicros === null ? "" : `, deleted at ${timeText(deletedMicros)}`}, and its deletion is in no topic`,
  "user of a run": ({ fetched }) =>
    `the run in ${fetched?.run} has the user, of ${timeText(fetched && writeTimeOf(fetched.user))}, and no topic has a record as new`,
  "dead letter": ({ letter }) =>
    letter
      ? `${letter.reason}: dead letter ${letter.letter.partition}:${letter.letter.offset}, of ${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`
      : "its record has a dead letter",
};

const written = (row: Evidence["cassandra"]) => `written at ${timeText(row?.timeMicros)}`;

/** ISO 8601 with microseconds. */
function timeText(micros: number | null | undefined): string {
  if (micros === null || micros === undefined || !Number.isFinite(micros)) return "an unknown time";
  const millis = Math.floor(micros / 1_000);
  if (Math.abs(millis) > 8.64e15) return `${micros} µs`;
  return new Date(millis).toISOString().replace("Z", `${String(micros - millis * 1_000).padStart(3, "0")}Z`);
}

function differences({ cause, record, cassandra, postgres }: Evidence): FieldDifference[] {
  const change = record?.change;
  const [expected, found, kept] =
    change?.kind === "upsert"
      ? [change.user, cause.endsWith("PostgreSQL") ? postgres?.user : cassandra?.user, change.kept ?? []]
      : [undefined, undefined, []];
  if (!expected || !found) return [];
  return fields.flatMap(({ name }) =>
    kept.includes(name) || Bun.deepEquals(expected[name], found[name])
      ? []
      : [{ field: name, expected: expected[name], found: found[name] }],
  );
}

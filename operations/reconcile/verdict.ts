import type { Newest } from "./fold.ts";
import { noRow } from "./row-hash.ts";

/**
 * What a user is found to be, the worst first:
 *
 * - lost: a store or a run has a write that no topic has, or Cassandra lacks the newest record's row
 * - different: a store has other values, or another write time, than the newest record
 * - extra: Cassandra has a row, and no topic has a record of it
 * - dead-lettered: its record could not be stored, and nothing newer was
 * - unjudged: the API may have done it, whose writes are in no topic
 * - late: a record, or a change in PostgreSQL, is still on its way
 * - equal
 */
export const verdicts = ["lost", "different", "extra", "dead-lettered", "unjudged", "late", "equal"] as const;
export type Verdict = (typeof verdicts)[number];

/** What exactly does not fit. */
export type Cause =
  | "no row in Cassandra"
  | "older row in Cassandra"
  | "newer row in Cassandra"
  | "other row in Cassandra"
  | "other write time in Cassandra"
  | "deleted row in Cassandra"
  | "row in Cassandra without a record"
  | "newer row in PostgreSQL"
  | "other row in PostgreSQL"
  | "deletion in PostgreSQL"
  | "user of a run"
  | "dead letter";

export interface Judgement {
  verdict: Verdict;
  /** undefined if everything is equal. */
  cause?: Cause;
}

/** A row as a store has it. */
export interface Seen {
  hash: bigint;
  /** In Cassandra the newest write time of its columns; in PostgreSQL its own time. In microseconds. */
  timeMicros: number;
}

/** Everything known about one user. */
export interface Facts {
  /** The newest record in the topics that has no dead letter. */
  newest: Newest | null;
  /** Whether the group has not committed that record yet. */
  isBehind: boolean;
  cassandra: Seen | null;
  postgres: Seen | null;
  /** When the row was deleted in PostgreSQL, in microseconds, if it was. */
  deletedMicros: number | null;
  /** The row in its last change event: a hash, or a value of `noRow`. */
  captured: bigint;
  /** Whether a slot has not reached the state of PostgreSQL described here. */
  isSlotBehind: boolean;
  /** The user as a run has fetched it. */
  fetched: { timeMicros: number; isRunning: boolean } | null;
  /** A dead letter that is newer than the newest record, or is that record's own; settled if replayed or dismissed. */
  letter: { isOfNewest: boolean; isSettled: boolean } | null;
  /** Whether the topics have the API's writes. */
  isApiLogged: boolean;
  changeTopic: string;
}

/**
 * The verdict on one user: the worst that any of the comparisons says. Pure.
 *
 * | newest record    | in Cassandra                      | verdict                                               |
 * | ---------------- | --------------------------------- | ----------------------------------------------------- |
 * | writes the row   | that row, at its write time       | equal                                                 |
 * |                  | no row                            | late; lost                                            |
 * |                  | an older row                      | late; different, the record should have won           |
 * |                  | a newer row, or another at that time | different: no record has written it                |
 * | deletes the row  | no row, equal; an older row       | late; different, the deletion should have won         |
 * |                  | a newer row                       | different: no record has written it                   |
 * | none             | a row                             | extra                                                 |
 *
 * "late" as long as the group has not committed the record. Without `api.log` a missing row, a newer one and one without
 * a record may be the API's doing: unjudged.
 *
 * PostgreSQL is a backup that the API does not write to, so an older row there is normal. It may only not be newer than
 * the newest record, nor another row at the same time:
 *
 * | in PostgreSQL                                                        | verdict                           |
 * | -------------------------------------------------------------------- | --------------------------------- |
 * | the row of the newest record, or of the last change event            | equal                             |
 * | a row newer than the newest record, or no record at all              | late; lost                        |
 * | another row of the newest record's time, or than the newest record, which is a change event | late; different |
 * | no row, but the last change event has one, and nothing newer happened since its deletion | late; different |
 *
 * "late" as long as the slot has not reached that state, or the row's run has not ended.
 *
 * A user of a run must have a record that is at least as new, unless PostgreSQL or a reject says why not: late while the
 * run goes on; lost.
 */
export function judge(facts: Facts): Judgement {
  const found = [...inCassandra(facts), ...inPostgres(facts), ...inRun(facts)].map((one) => explained(one, facts));
  if (facts.letter && !facts.letter.isOfNewest) found.push(ofLetter(facts.letter));
  found.sort((a, b) => verdicts.indexOf(a.verdict) - verdicts.indexOf(b.verdict));
  return found[0] ?? { verdict: "equal" };
}

/** A dead letter explains why a record has no effect. */
function explained(found: Judgement, { letter }: Facts): Judgement {
  const isMissing = found.verdict === "lost" || found.verdict === "different";
  const isOfCassandra = found.cause?.endsWith("in Cassandra");
  if (!letter || !isMissing || (isOfCassandra && !letter.isOfNewest)) return found;
  return ofLetter(letter);
}

const ofLetter = ({ isSettled }: NonNullable<Facts["letter"]>): Judgement =>
  isSettled ? { verdict: "equal" } : { verdict: "dead-lettered", cause: "dead letter" };

function* inCassandra({ newest, isBehind, cassandra, isApiLogged, changeTopic }: Facts): Generator<Judgement> {
  const unlessApi = (verdict: Verdict) => (isApiLogged ? verdict : "unjudged");
  if (!newest) {
    if (cassandra) yield { verdict: unlessApi("extra"), cause: "row in Cassandra without a record" };
    return;
  }
  if (!cassandra) {
    if (!newest.deletes) yield { verdict: isBehind ? "late" : unlessApi("lost"), cause: "no row in Cassandra" };
    return;
  }
  const aheadMicros = cassandra.timeMicros - newest.timeMicros;
  if (newest.deletes) {
    if (aheadMicros > 0) yield { verdict: unlessApi("different"), cause: "newer row in Cassandra" };
    else yield { verdict: isBehind ? "late" : "different", cause: "deleted row in Cassandra" };
    return;
  }
  const isSame = cassandra.hash === newest.hash || (aheadMicros === 0 && (newest.incomplete || newest.tied));
  if (isSame && (aheadMicros === 0 || (newest.topic === changeTopic && Math.abs(aheadMicros) <= orderMicros))) return;
  if (aheadMicros < 0)
    yield {
      verdict: isBehind ? "late" : "different",
      cause: isSame ? "other write time in Cassandra" : "older row in Cassandra",
    };
  else if (isSame) yield { verdict: unlessApi("different"), cause: "other write time in Cassandra" };
  else if (aheadMicros > 0) yield { verdict: unlessApi("different"), cause: "newer row in Cassandra" };
  else yield { verdict: "different", cause: "other row in Cassandra" };
}

/**
 * A change event's position within its transaction is part of its write time if reading began inside the transaction:
 * the consumer and this reading may differ by it. Decision 0004.
 */
const orderMicros = 1_000_000;

function* inPostgres(facts: Facts): Generator<Judgement> {
  const { newest, postgres, captured, isSlotBehind, fetched, deletedMicros, changeTopic } = facts;
  const orLate = (verdict: Verdict) => (isSlotBehind || fetched?.isRunning ? "late" : verdict);
  if (postgres) {
    if (!newest || newest.timeMicros < postgres.timeMicros) {
      if (captured !== postgres.hash) yield { verdict: orLate("lost"), cause: "newer row in PostgreSQL" };
      return;
    }
    if ([newest.hash, captured].includes(postgres.hash) || newest.incomplete) return;
    if (newest.topic === changeTopic || newest.timeMicros === postgres.timeMicros)
      yield { verdict: orLate("different"), cause: "other row in PostgreSQL" };
    return;
  }
  const wasThere = captured !== noRow.unknown && captured !== noRow.deleted;
  const isSuperseded = deletedMicros !== null && newest !== null && newest.timeMicros > deletedMicros;
  if (wasThere && !isSuperseded) yield { verdict: orLate("different"), cause: "deletion in PostgreSQL" };
}

function* inRun({ newest, fetched, deletedMicros }: Facts): Generator<Judgement> {
  if (!fetched || deletedMicros !== null) return;
  if (newest && newest.timeMicros >= fetched.timeMicros) return;
  yield { verdict: fetched.isRunning ? "late" : "lost", cause: "user of a run" };
}

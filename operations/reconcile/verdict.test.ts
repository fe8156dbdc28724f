import { expect, test } from "bun:test";
import { noRow } from "./row-hash.ts";
import { type Facts, judge } from "./verdict.ts";

const [row, otherRow] = [101n, 102n];
const newest = {
  topic: "users",
  partition: 0,
  offset: 7,
  timeMicros: 5_000,
  hash: row,
  deletes: false,
  incomplete: false,
  tied: false,
};
const fine: Facts = {
  newest,
  isBehind: false,
  cassandra: { hash: row, timeMicros: 5_000 },
  postgres: { hash: row, timeMicros: 5_000 },
  deletedMicros: null,
  captured: noRow.unknown,
  isSlotBehind: false,
  fetched: null,
  letter: null,
  isApiLogged: true,
  changeTopic: "changes",
};
const verdictOn = (given: Partial<Facts>) => judge({ ...fine, ...given }).verdict;
const deletion = { ...newest, hash: noRow.deleted as bigint, deletes: true };
const captured = { ...newest, topic: "changes" };
const at = (timeMicros: number, hash = otherRow) => ({ hash, timeMicros });

const ofCassandra: [string, Partial<Facts>, settled: string, behind: string, withoutLog: string][] = [
  ["the record's row", {}, "equal", "equal", "equal"],
  ["no row", { cassandra: null }, "lost", "late", "unjudged"],
  ["an older row", { cassandra: at(4_999) }, "different", "late", "different"],
  ["a newer row", { cassandra: at(5_001) }, "different", "different", "unjudged"],
  ["another row of that time", { cassandra: at(5_000) }, "different", "different", "different"],
  ["its values at an older time", { cassandra: at(4_999, row) }, "different", "late", "different"],
  ["its values at a newer time", { cassandra: at(5_001, row) }, "different", "different", "unjudged"],
  ["a deleted row", { newest: deletion, postgres: null, cassandra: at(4_000) }, "different", "late", "different"],
  [
    "a row after its deletion",
    { newest: deletion, postgres: null, cassandra: at(6_000) },
    "different",
    "different",
    "unjudged",
  ],
  ["no row, as deleted", { newest: deletion, postgres: null, cassandra: null }, "equal", "equal", "equal"],
  ["a row without a record", { newest: null, postgres: null }, "extra", "extra", "unjudged"],
  [
    "one of two rows of that time",
    { newest: { ...newest, tied: true }, cassandra: at(5_000) },
    "equal",
    "equal",
    "equal",
  ],
  ["a row known in part", { newest: { ...newest, incomplete: true }, cassandra: at(5_000) }, "equal", "equal", "equal"],
];
test.each(ofCassandra)("Cassandra with %s", (_, given, settled, behind, withoutLog) => {
  expect(verdictOn(given)).toBe(settled as never);
  expect(verdictOn({ ...given, isBehind: true })).toBe(behind as never);
  expect(verdictOn({ ...given, isApiLogged: false })).toBe(withoutLog as never);
});

test("a change event's position in its transaction may be part of the write time", () => {
  expect(verdictOn({ newest: captured, cassandra: at(5_003, row) })).toBe("equal");
  expect(verdictOn({ newest: captured, cassandra: at(5_003) })).toBe("different");
  expect(verdictOn({ newest, cassandra: at(5_003, row) })).toBe("different");
});

const nothing = { newest: null, cassandra: null };
const ofPostgres: [string, Partial<Facts>, settled: string, behind: string][] = [
  ["a row that no topic has", nothing, "lost", "late"],
  ["a newer row than any record", { postgres: at(5_001) }, "lost", "late"],
  ["a newer row that a change event had", { postgres: at(5_001), captured: otherRow }, "equal", "equal"],
  ["an older row, after an edit elsewhere", { postgres: at(4_000) }, "equal", "equal"],
  ["another row of the record's time", { postgres: at(5_000) }, "different", "late"],
  [
    "an older row than its last change event",
    { newest: captured, captured: row, postgres: at(4_000) },
    "different",
    "late",
  ],
  [
    "the row of its last change event, after an edit elsewhere",
    { postgres: at(4_000), captured: otherRow },
    "equal",
    "equal",
  ],
  ["no row, and never had one", { postgres: null }, "equal", "equal"],
  ["no row, as its last change event says", { postgres: null, captured: noRow.deleted }, "equal", "equal"],
  ["no row, which no change event says", { postgres: null, captured: row }, "different", "late"],
  ["no row, deleted before a newer edit", { postgres: null, captured: row, deletedMicros: 4_000 }, "equal", "equal"],
  ["no row, deleted after every record", { postgres: null, captured: row, deletedMicros: 6_000 }, "different", "late"],
];
test.each(ofPostgres)("PostgreSQL with %s", (_, given, settled, behind) => {
  expect(verdictOn(given)).toBe(settled as never);
  expect(verdictOn({ ...given, isSlotBehind: true })).toBe(behind as never);
});

test("a user of a run needs a record that is as new, once the run has ended", () => {
  const fetched = { timeMicros: 5_000, isRunning: false };
  const none = { ...nothing, postgres: null };
  expect(verdictOn({ fetched })).toBe("equal");
  expect(verdictOn({ ...none, fetched })).toBe("lost");
  expect(verdictOn({ fetched: { ...fetched, timeMicros: 5_001 } })).toBe("lost");
  expect(verdictOn({ ...none, fetched: { ...fetched, isRunning: true } })).toBe("late");
  expect(verdictOn({ ...nothing, fetched: { ...fetched, isRunning: true } })).toBe("late");
  expect(verdictOn({ ...none, fetched, deletedMicros: 1 })).toBe("equal");
});

test("a dead letter explains what is missing, but not what somebody else did to the row", () => {
  const later = { isOfNewest: false, isSettled: false };
  expect(verdictOn({ letter: later })).toBe("dead-lettered");
  expect(verdictOn({ ...nothing, letter: later })).toBe("dead-lettered");
  expect(verdictOn({ postgres: at(5_001), letter: later })).toBe("dead-lettered");
  expect(verdictOn({ cassandra: null, letter: { isOfNewest: true, isSettled: false } })).toBe("dead-lettered");
  // Dismissed, or replayed: then the new record is judged.
  const settled = { isOfNewest: false, isSettled: true };
  expect(verdictOn({ letter: settled })).toBe("equal");
  expect(verdictOn({ ...nothing, letter: settled })).toBe("equal");
  expect(verdictOn({ cassandra: null, letter: settled })).toBe("lost");
  expect(verdictOn({ cassandra: null, letter: later })).toBe("lost");
  expect(verdictOn({ newest: null, postgres: null, letter: later })).toBe("extra");
});

test("the worst verdict is reported", () => {
  expect(judge({ ...fine, cassandra: null, isBehind: true, postgres: at(9_000) })).toEqual({
    verdict: "lost",
    cause: "newer row in PostgreSQL",
  });
});

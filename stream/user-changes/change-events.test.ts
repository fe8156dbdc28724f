import { expect, test } from "bun:test";
import { changeable, validUsers } from "../../contract/samples.ts";
import { fields, type User } from "../../contract/user.ts";
import { committedAt, envelope, message, now, rachel, row } from "../../test/support/change-events.ts";
import { collapse } from "../cassandra/batches.ts";
import type { Change } from "../change.ts";
import { readChangeEvent, siftChanges } from "./change-events.ts";
import { openWriteTimes } from "./write-times.ts";

const { text, optional, long, time } = changeable;
const adryn = validUsers[1] as User;

const siftOne = (value: unknown, key?: unknown) => {
  const columns: string[] = [];
  const sifted = siftChanges([message(value, key)], {
    writeTimes: openWriteTimes(),
    now,
    maxAheadMs: 300_000,
    ignoredColumns: ["nick", "reason"],
    onIgnoredColumn: (column) => columns.push(column),
  });
  return { ...sifted, change: sifted.writes[0]?.change, letter: sifted.letters[0], columns };
};

test("an insert is an upsert at its commit time", () => {
  const { writes } = siftOne(envelope({ op: "c", after: row(rachel) }));
  expect(writes).toMatchObject([
    { change: { kind: "upsert", user: rachel, writeTimeMicros: committedAt }, committedMs: committedAt / 1_000 },
  ]);
});

test("an update to NULL writes the null", () => {
  const { change } = siftOne(envelope({ op: "u", before: row(rachel), after: row(rachel, { [optional]: null }) }));
  expect(change).toEqual({ kind: "upsert", user: { ...rachel, [optional]: null }, writeTimeMicros: committedAt });
});

test("a row's times are truncated to the contract's milliseconds", () => {
  const { change } = siftOne(envelope({ op: "c", after: row(rachel, { [time]: "1955-12-31T23:59:59.999999Z" }) }));
  expect(change).toMatchObject({ user: { [time]: "1955-12-31T23:59:59.999Z" } });
});

test("a delete works with the previous row or with only the key", () => {
  const expected: Change = { kind: "delete", id: rachel.id, writeTimeMicros: committedAt };
  expect(siftOne(envelope({ op: "d", before: row(rachel) })).change).toEqual(expected);
  expect(siftOne(envelope({ op: "d" }), { id: rachel.id }).change).toEqual(expected);
});

test("a tombstone and a logical message change nothing", () => {
  expect(siftOne(null, { id: rachel.id })).toMatchObject({ writes: [], letters: [], ignored: 1 });
  expect(siftOne(envelope({ op: "m" }))).toMatchObject({ writes: [], letters: [], ignored: 1 });
});

test("a row read by a snapshot is written one microsecond after its own timestamp", () => {
  const { writes } = siftOne(envelope({ op: "r", after: row(rachel) }));
  const writeTimeMicros = Date.parse("2026-01-15T06:00:00.000Z") * 1_000 + 1;
  expect(writes.map(({ change, committedMs }) => ({ change, committedMs }))).toEqual([
    { change: { kind: "upsert", user: rachel, writeTimeMicros }, committedMs: undefined },
  ]);
});

test("a row with a future timestamp is written at the time of the snapshot", () => {
  const { change } = siftOne(envelope({ op: "r", after: row({ ...rachel, timestamp: "2099-01-01T00:00:00.000Z" }) }));
  expect(change?.writeTimeMicros).toBe(committedAt);
});

test("an omitted large value is taken from the previous row", () => {
  const after = row(rachel, { [long]: "__debezium_unavailable_value" });
  const { change } = siftOne(envelope({ op: "u", before: row(rachel), after }));
  expect(change).toEqual({ kind: "upsert", user: rachel, writeTimeMicros: committedAt });
});

test("an omitted large value that is unknown stays unchanged in Cassandra", () => {
  const after = row(rachel, { [long]: "__debezium_unavailable_value", [optional]: "__debezium_unavailable_value" });
  const { change } = siftOne(envelope({ op: "u", after }));
  expect(change).toEqual({
    kind: "upsert",
    user: { ...rachel, [optional]: null, [long]: null },
    kept: fields.map(({ name }) => name).filter((name) => name === optional || name === long),
    writeTimeMicros: committedAt,
  });
});

test("a change from before a nullable column was added leaves the column alone", () => {
  const { [long]: _, ...older } = row(rachel);
  expect(siftOne(envelope({ op: "c", after: older })).change).toMatchObject({
    user: { ...rachel, [long]: null },
    kept: [long],
  });
  const { [text]: __, ...without } = row(rachel);
  expect(siftOne(envelope({ op: "c", after: without })).letter?.detail).toStartWith(`${text}: `);
});

test("of two writes of a row in one slice, values omitted by the newer come from the older", () => {
  const { writes } = siftChanges(
    [
      message(envelope({ op: "u", after: row(rachel, { [long]: adryn[long] }), lsn: 1 })),
      message(
        envelope({
          op: "u",
          after: row(rachel, { [long]: "__debezium_unavailable_value", [optional]: "1" }),
          lsn: 2,
          order: 2,
        }),
      ),
    ],
    { writeTimes: openWriteTimes(), now, maxAheadMs: 300_000 },
  );
  expect(collapse(writes).newest.map(({ change }) => change)).toEqual([
    {
      kind: "upsert",
      user: { ...rachel, [long]: adryn[long], [optional]: "1" },
      kept: [],
      writeTimeMicros: committedAt + 1,
    },
  ]);
});

test("a change with a value in an unknown column is held, and all after it are left unread", () => {
  const events = [{}, { height: null }, { height: 1.8, [text]: "" }, {}].map((more) =>
    message(envelope({ op: "u", after: row(rachel, more) })),
  );
  const { writes, letters, held } = siftChanges(events, { writeTimes: openWriteTimes(), now, maxAheadMs: 300_000 });
  expect([writes.length, letters.length, held?.offset]).toEqual([2, 0, events[2]!.offset]);
  expect(held?.why).toContain("columns that this version does not know: height; update the consumer");
  // A deletion loses nothing.
  expect(siftOne(envelope({ op: "d", before: row(rachel, { height: 1.8 }) })).change?.kind).toBe("delete");
});

test("an ignored column is counted if it has a value", () => {
  const { change, columns } = siftOne(envelope({ op: "u", after: row(rachel, { nick: "r", reason: "none" }) }));
  expect(change).toMatchObject({ kind: "upsert", user: rachel });
  expect(columns).toEqual(["nick", "reason"]);
});

test("a row with a column named reason can be deleted", () => {
  expect(siftOne(envelope({ op: "d", before: row(rachel, { reason: "x" }) })).change?.kind).toBe("delete");
});

test.each([
  ["invalid_user", `${text}: `, envelope({ op: "u", after: row(rachel, { [text]: "" }) })],
  [
    "invalid_user",
    `${optional}: Too big`,
    envelope({ op: "u", after: row(rachel, { [optional]: "0".repeat(4_000) }) }),
  ],
  ["invalid_user", `${time}: Invalid ISO datetime`, envelope({ op: "u", after: row(rachel, { [time]: "infinity" }) })],
  ["invalid_user", "id: ", envelope({ op: "d" })],
  ["unsupported_change", "a TRUNCATE names no row", envelope({ op: "t" })],
  ["unsupported_change", 'op is "x"', envelope({ op: "x" })],
  ["undecodable", "after: missing", envelope({ op: "c" })],
  ["undecodable", "source.lsn: missing", envelope({ op: "c", after: row(rachel), lsn: null })],
  ["undecodable", "the value is not JSON", "{"],
  ["undecodable", "Invalid input", "[]"],
  ["timestamp_ahead", "committed at", envelope({ op: "c", after: row(rachel), micros: committedAt + 3_600_000_000 })],
] as const)("an invalid event is a dead letter: %s, %s", (reason, detail, value) => {
  const { letter, writes } = siftOne(value);
  expect(writes).toEqual([]);
  expect(letter?.reason).toBe(reason);
  expect(letter?.detail).toStartWith(detail);
});

test("readChangeEvent ignores a record that is not a change", () => {
  expect(readChangeEvent({ key: null, value: null })).toEqual({ kind: "nothing" });
});

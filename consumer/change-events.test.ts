import { expect, test } from "bun:test";
import fc from "fast-check";
import { validUsers } from "../contract/samples.ts";
import type { User } from "../contract/user.ts";
import type { Change, Message } from "./change.ts";
import { readChangeEvent, siftChanges } from "./change-events.ts";
import { collapse } from "./groups.ts";
import { openWriteTimes } from "./write-times.ts";

const rachel = validUsers[0] as User;
const committedAt = Date.parse("2026-11-21T14:28:49.912Z") * 1_000 + 294;
const now = committedAt / 1_000 + 100;

/** A row as Debezium writes it: times with microseconds. */
const row = (user: User, more: object = {}) => ({
  ...user,
  dob: user.dob?.replace("Z", "000Z") ?? null,
  registered_date: user.registered_date?.replace("Z", "000Z") ?? null,
  timestamp: user.timestamp.replace("Z", "000Z"),
  ...more,
});

interface Sample {
  op: string;
  before?: object | null;
  after?: object | null;
  micros?: number;
  order?: number;
  lsn?: number | null;
}

const envelope = ({ op, before = null, after = null, micros = committedAt, order = 1, lsn = 45_319_752 }: Sample) => ({
  before,
  after,
  source: {
    version: "3.7.0.Final",
    connector: "postgresql",
    name: "postgresDebesium",
    ts_ms: Math.floor(micros / 1_000),
    snapshot: "false",
    db: "users",
    sequence: '["45316472","45319752"]',
    ts_us: micros,
    schema: "public",
    table: "created_users",
    txId: 5152,
    lsn,
    xmin: null,
  },
  transaction: { id: "5152:45319752", total_order: order, data_collection_order: order },
  op,
  ts_ms: 1_795_271_330_222,
});

let offset = 0;
const message = (value: unknown, key: unknown = null): Message => ({
  key: key === null ? null : Buffer.from(JSON.stringify(key)),
  value: value === null ? null : Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
  offset: String(offset++),
  timestamp: String(Math.floor(now)),
});

const siftOne = (value: unknown, key?: unknown) => {
  const columns: string[] = [];
  const sifted = siftChanges([message(value, key)], {
    writeTimes: openWriteTimes(),
    now,
    maxAheadMs: 300_000,
    onUnknownColumn: (column) => columns.push(column),
  });
  return { ...sifted, change: sifted.writes[0]?.change, letter: sifted.letters[0], columns };
};

test("an insert is an upsert at its commit's time", () => {
  const { writes } = siftOne(envelope({ op: "c", after: row(rachel) }));
  expect(writes).toMatchObject([
    { change: { kind: "upsert", user: rachel, writeTimeMicros: committedAt }, committedMs: committedAt / 1_000 },
  ]);
});

test("an update to NULL writes the null", () => {
  const { change } = siftOne(envelope({ op: "u", before: row(rachel), after: row(rachel, { phone: null }) }));
  expect(change).toEqual({ kind: "upsert", user: { ...rachel, phone: null }, writeTimeMicros: committedAt });
});

test("microseconds of a row's times are cut off, as the contract has milliseconds", () => {
  const { change } = siftOne(envelope({ op: "c", after: row(rachel, { dob: "1955-12-31T23:59:59.999999Z" }) }));
  expect(change).toMatchObject({ user: { dob: "1955-12-31T23:59:59.999Z" } });
});

test("a delete deletes, with the row before it or with nothing but the key", () => {
  const expected: Change = { kind: "delete", id: rachel.id, writeTimeMicros: committedAt };
  expect(siftOne(envelope({ op: "d", before: row(rachel) })).change).toEqual(expected);
  expect(siftOne(envelope({ op: "d" }), { id: rachel.id }).change).toEqual(expected);
});

test("a tombstone and a message in the log ask for nothing", () => {
  expect(siftOne(null, { id: rachel.id })).toMatchObject({ writes: [], letters: [], ignored: 1 });
  expect(siftOne(envelope({ op: "m" }))).toMatchObject({ writes: [], letters: [], ignored: 1 });
});

test("a row that a snapshot reads is as old as its own timestamp says, and a microsecond newer than its event", () => {
  const { writes } = siftOne(envelope({ op: "r", after: row(rachel) }));
  const writeTimeMicros = Date.parse("2026-01-15T06:00:00.000Z") * 1_000 + 1;
  expect(writes.map(({ change, committedMs }) => ({ change, committedMs }))).toEqual([
    { change: { kind: "upsert", user: rachel, writeTimeMicros }, committedMs: undefined },
  ]);
});

test("a row of the future is as old as the snapshot that read it", () => {
  const { change } = siftOne(envelope({ op: "r", after: row({ ...rachel, timestamp: "2099-01-01T00:00:00.000Z" }) }));
  expect(change?.writeTimeMicros).toBe(committedAt);
});

test("a large value that was left out is taken from the row before", () => {
  const after = row(rachel, { picture: "__debezium_unavailable_value" });
  const { change } = siftOne(envelope({ op: "u", before: row(rachel), after }));
  expect(change).toEqual({ kind: "upsert", user: rachel, writeTimeMicros: committedAt });
});

test("a large value that nobody knows stays as Cassandra has it", () => {
  const after = row(rachel, { picture: "__debezium_unavailable_value", address: "__debezium_unavailable_value" });
  const { change } = siftOne(envelope({ op: "u", after }));
  expect(change).toEqual({
    kind: "upsert",
    user: { ...rachel, address: null, picture: null },
    kept: ["address", "picture"],
    writeTimeMicros: committedAt,
  });
});

test("of two writes of a row in one slice, what the newer leaves out comes from the older", () => {
  const { writes } = siftChanges(
    [
      message(envelope({ op: "u", after: row(rachel, { picture: "https://example.com/new.jpg" }), lsn: 1 })),
      message(
        envelope({
          op: "u",
          after: row(rachel, { picture: "__debezium_unavailable_value", phone: "1" }),
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
      user: { ...rachel, picture: "https://example.com/new.jpg", phone: "1" },
      kept: [],
      writeTimeMicros: committedAt + 1,
    },
  ]);
});

test("a column that the contract does not know is ignored and counted", () => {
  const { change, columns } = siftOne(envelope({ op: "u", after: row(rachel, { nick: "r", reason: "none" }) }));
  expect(change).toMatchObject({ kind: "upsert", user: rachel });
  expect(columns).toEqual(["nick", "reason"]);
});

test("a row with a column of the name reason can be deleted", () => {
  expect(siftOne(envelope({ op: "d", before: row(rachel, { reason: "x" }) })).change?.kind).toBe("delete");
});

test.each([
  ["invalid_user", "email: Invalid string", envelope({ op: "u", after: row(rachel, { email: "nobody" }) })],
  ["invalid_user", "phone: Too big", envelope({ op: "u", after: row(rachel, { phone: "0".repeat(4_000) }) })],
  ["invalid_user", "dob: Invalid ISO datetime", envelope({ op: "u", after: row(rachel, { dob: "infinity" }) })],
  ["invalid_user", "id: ", envelope({ op: "d" })],
  ["unsupported_change", "a TRUNCATE names no row", envelope({ op: "t" })],
  ["unsupported_change", 'op is "x"', envelope({ op: "x" })],
  ["undecodable", "after: missing", envelope({ op: "c" })],
  ["undecodable", "source.lsn: missing", envelope({ op: "c", after: row(rachel), lsn: null })],
  ["undecodable", "the value is not JSON", "{"],
  ["undecodable", "Invalid input", "[]"],
  ["timestamp_ahead", "committed at", envelope({ op: "c", after: row(rachel), micros: committedAt + 3_600_000_000 })],
] as const)("what does not fit is a dead letter: %s, %s", (reason, detail, value) => {
  const { letter, writes } = siftOne(value);
  expect(writes).toEqual([]);
  expect(letter?.reason).toBe(reason);
  expect(letter?.detail).toStartWith(detail);
});

// --- The state that changes end in ----------------------------------------------------------------------------------

const ids = ["01", "02", "03", "04", "05"].map((end) => `c7a41086-06e3-4bfe-9c40-4e9da2df42${end}`);

/** One statement on one row, as a person would write it; on a row that is not there an update does nothing. */
const statement = fc.record({
  id: fc.constantFrom(...ids),
  kind: fc.constantFrom("insert", "update", "null", "delete", "move"),
  to: fc.constantFrom(...ids),
  text: fc.string({ minLength: 1, maxLength: 3, unit: "grapheme-ascii" }),
});

/**
 * Transactions that were committed one after the other. PostgreSQL needs more than a microsecond for a change, and a
 * transaction waits for the one that changed its row before, so a commit is further from the last one than that has
 * changes.
 */
const history = fc.array(
  fc.record({
    afterMicros: fc.integer({ min: 17, max: 40 }),
    statements: fc.array(statement, { minLength: 1, maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 12 },
);

type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** What PostgreSQL would hold in the end, and the change events that it would cause. */
function postgres(transactions: History) {
  const rows = new Map<string, User>();
  const log: Message[] = [];
  let micros = committedAt - 10_000;
  let lsn = 0;
  for (const { afterMicros, statements } of transactions) {
    micros += afterMicros;
    let order = 0;
    const emit = (id: string, sample: Pick<Sample, "op" | "before" | "after">) => {
      order += 1;
      lsn += 100;
      log.push(message(envelope({ ...sample, micros, order, lsn }), { id }));
      if (sample.op === "d") log.push(message(null, { id }));
    };
    for (const { id, kind, to, text } of statements) {
      const before = rows.get(id);
      const put = (user: User, old: User | undefined) => {
        rows.set(user.id, user);
        emit(user.id, { op: old ? "u" : "c", before: old ? row(old) : null, after: row(user) });
      };
      if (kind === "insert") put({ ...rachel, id, last_name: text }, before);
      else if (!before) continue;
      else if (kind === "update") put({ ...before, last_name: text }, before);
      else if (kind === "null") put({ ...before, phone: null, dob: null }, before);
      else if (kind === "delete" || (kind === "move" && !rows.has(to))) {
        rows.delete(id);
        emit(id, { op: "d", before: row(before) });
        if (kind === "move") put({ ...before, id: to }, undefined);
      }
    }
  }
  return { rows, log };
}

/** Cassandra's rule: the newest write of a row counts; of a tie, a delete, and of two values the greater, cell by cell. */
class Table {
  readonly cells = new Map<string, { time: number; change: Change }>();
  write(change: Change) {
    const id = change.kind === "upsert" ? change.user.id : change.id;
    const there = this.cells.get(id);
    const time = change.writeTimeMicros;
    // A tie of two different writes would mix them, so the model lets none pass.
    if (there && there.time === time && !Bun.deepEquals(there.change, change)) throw new Error(`a tie at ${time}`);
    if (!there || time > there.time) this.cells.set(id, { time, change });
  }
  rows() {
    const users = [...this.cells.values()].flatMap(({ change }) => (change.kind === "upsert" ? [change.user] : []));
    return new Map(users.map((user) => [user.id, user]));
  }
}

function apply(table: Table, slice: readonly Message[], writeTimes: ReturnType<typeof openWriteTimes>) {
  const { writes, letters } = siftChanges(slice, { writeTimes, now, maxAheadMs: 300_000 });
  expect(letters).toEqual([]);
  for (const { change } of collapse(writes).newest) table.write(change);
}

const rowsOf = (map: Map<string, User>) => [...map.values()].sort((a, b) => a.id.localeCompare(b.id));

test("changes cut into slices anywhere, each slice repeated or not, end in PostgreSQL's own state", () => {
  fc.assert(
    fc.property(
      history,
      fc.array(fc.record({ rows: fc.integer({ min: 1, max: 9 }), times: fc.integer({ min: 1, max: 3 }) })),
      (transactions, cuts) => {
        const { rows, log } = postgres(transactions);
        const table = new Table();
        const writeTimes = openWriteTimes();
        for (let start = 0, cut = 0; start < log.length; cut++) {
          const { rows: size, times } = cuts[cut] ?? { rows: log.length, times: 1 };
          for (let time = 0; time < times; time++) apply(table, log.slice(start, start + size), writeTimes);
          start += size;
        }
        expect(rowsOf(table.rows())).toEqual(rowsOf(rows));
      },
    ),
    { numRuns: 500 },
  );
});

test("changes shuffled between keys, with any of them repeated later, end in PostgreSQL's own state", () => {
  fc.assert(
    fc.property(
      history,
      fc.array(fc.nat(), { maxLength: 200 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (h, picks, again) => {
        const { rows, log } = postgres(h);
        const queues = [...Map.groupBy(log, ({ key }) => String(key)).values()];
        const shuffled: Message[] = [];
        for (let turn = 0; queues.length > 0; turn++) {
          const index = (picks[turn] ?? 0) % queues.length;
          shuffled.push(queues[index]!.shift()!);
          if (queues[index]!.length === 0) queues.splice(index, 1);
        }
        for (const pick of again) if (log.length > 0) shuffled.push(shuffled[pick % shuffled.length]!);
        const table = new Table();
        apply(table, shuffled, openWriteTimes());
        expect(rowsOf(table.rows())).toEqual(rowsOf(rows));
      },
    ),
    { numRuns: 500 },
  );
});

test("a consumer that is killed anywhere and reads on from a committed offset ends in PostgreSQL's own state", () => {
  fc.assert(
    fc.property(history, fc.nat(), fc.nat(), fc.boolean(), (transactions, one, other, fromTheStart) => {
      const { rows, log } = postgres(transactions);
      const [committed, killed] = [one % (log.length + 1), other % (log.length + 1)].sort((a, b) => a - b) as [
        number,
        number,
      ];
      const table = new Table();
      apply(table, log.slice(0, committed), openWriteTimes());
      apply(table, log.slice(committed, killed), openWriteTimes());
      apply(table, log.slice(committed), openWriteTimes());
      if (fromTheStart) apply(table, log, openWriteTimes());
      expect(rowsOf(table.rows())).toEqual(rowsOf(rows));
    }),
    { numRuns: 1_000 },
  );
});

test("a primary key that changes leaves no row under the old one", () => {
  const to = ids[0] as string;
  const writeTimes = openWriteTimes();
  const table = new Table();
  apply(table, [message(envelope({ op: "c", after: row(rachel), lsn: 1 }))], writeTimes);
  const moved = [
    message(envelope({ op: "d", before: row(rachel), micros: committedAt + 9, lsn: 2 })),
    message(null, { id: rachel.id }),
    message(envelope({ op: "c", after: row({ ...rachel, id: to }), micros: committedAt + 9, order: 2, lsn: 2 })),
  ];
  apply(table, moved, writeTimes);
  expect(rowsOf(table.rows())).toEqual([{ ...rachel, id: to }]);
});

test("readChangeEvent says nothing of a record that is no change", () => {
  expect(readChangeEvent({ key: null, value: null })).toEqual({ kind: "nothing" });
});

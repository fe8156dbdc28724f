/** However change events are delivered, a model of Cassandra ends in the same state as a model of PostgreSQL. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { changeable } from "../../contract/samples.ts";
import type { User } from "../../contract/user.ts";
import { committedAt, envelope, message, now, rachel, row, type Sample } from "../../test/support/change-events.ts";
import { collapse } from "../cassandra/batches.ts";
import type { Change, Message } from "../change.ts";
import { siftChanges } from "./change-events.ts";
import { openWriteTimes } from "./write-times.ts";

const ids = ["01", "02", "03", "04", "05"].map((end) => `c7a41086-06e3-4bfe-9c40-4e9da2df42${end}`);

/** One statement on one row; an update of a missing row does nothing. */
const statement = fc.record({
  id: fc.constantFrom(...ids),
  kind: fc.constantFrom("insert", "update", "null", "delete", "move"),
  to: fc.constantFrom(...ids),
  text: fc.string({ minLength: 1, maxLength: 3, unit: "grapheme-ascii" }),
});

/**
 * Transactions committed one after the other. PostgreSQL needs more than a microsecond per change, and a transaction
 * waits for the previous one that changed its row, so a commit follows the previous one by more microseconds than that
 * one has changes.
 */
const history = fc.array(
  fc.record({
    afterMicros: fc.integer({ min: 17, max: 40 }),
    statements: fc.array(statement, { minLength: 1, maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 12 },
);

type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** The final rows in PostgreSQL, and the resulting change events. */
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
      if (kind === "insert") put({ ...rachel, id, [changeable.text]: `x${text}` }, before);
      else if (!before) continue;
      else if (kind === "update") put({ ...before, [changeable.text]: `x${text}` }, before);
      else if (kind === "null") put({ ...before, [changeable.optional]: null, [changeable.time]: null }, before);
      else if (kind === "delete" || (kind === "move" && !rows.has(to))) {
        rows.delete(id);
        emit(id, { op: "d", before: row(before) });
        if (kind === "move") put({ ...before, id: to }, undefined);
      }
    }
  }
  return { rows, log };
}

/** Cassandra's rule, per cell: the newest write wins; in a tie a delete wins, and of two values the greater. */
class Table {
  readonly cells = new Map<string, { time: number; change: Change }>();
  write(change: Change) {
    const id = change.kind === "upsert" ? change.user.id : change.id;
    const there = this.cells.get(id);
    const time = change.writeTimeMicros;
    // A tie of two different writes would mix them, so the model allows none.
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

test("changes split into slices anywhere, with any slice repeated, end in PostgreSQL's state", () => {
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

test("changes shuffled between keys, with any of them repeated later, end in PostgreSQL's state", () => {
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

test("a consumer killed anywhere and resumed from a committed offset ends in PostgreSQL's state", () => {
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

test("changing a primary key leaves no row with the old key", () => {
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

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { type LogPosition, openWriteTimes } from "./write-times.ts";

/** A UUID for a short name of a row. */
const idOf = (row: string | number) => `00000000-0000-4000-8000-${String(row).padStart(12, "0")}`;
const noon = 1_795_262_400_000_000;
const at = (change: Partial<LogPosition>): LogPosition => ({
  id: idOf("a"),
  commitMicros: noon,
  order: 1,
  lsn: 1,
  ...change,
});

test("a single change has its commit time", () => {
  expect(openWriteTimes().of(at({}))).toBe(noon);
});

test("the second of two changes of a row in one transaction is one microsecond later", () => {
  const times = openWriteTimes();
  expect(times.of(at({ order: 1, lsn: 10 }))).toBe(noon);
  expect(times.of(at({ order: 2, lsn: 20, id: idOf("b") }))).toBe(noon);
  expect(times.of(at({ order: 3, lsn: 30 }))).toBe(noon + 1);
});

test("an edit right after a transaction of 20,000 rows wins over the last of them", () => {
  const times = openWriteTimes();
  const rows = Array.from({ length: 20_000 }, (_, index) =>
    times.of(at({ id: idOf(index), order: index + 1, lsn: index })),
  );
  const edit = times.of(at({ id: idOf(19_999), commitMicros: noon + 50, lsn: 30_000 }));
  expect(Math.max(...rows)).toBe(noon);
  expect(edit).toBe(noon + 50);
});

test("reading from inside a transaction dates a row after any earlier change of it", () => {
  const whole = openWriteTimes();
  const first = whole.of(at({ order: 1, lsn: 10 }));
  const second = whole.of(at({ order: 2, lsn: 20 }));
  const third = openWriteTimes().of(at({ order: 3, lsn: 30 }));
  expect([first, second, third]).toEqual([noon, noon + 1, noon + 3]);
});

test("an edit wins over a row dated ahead because reading started inside its transaction", () => {
  const times = openWriteTimes();
  const ahead = times.of(at({ order: 20_000, lsn: 10 }));
  const edit = times.of(at({ commitMicros: noon + 50, lsn: 20 }));
  expect(edit).toBe(ahead + 1);
});

test("a change that is read again gets no newer time, regardless of later changes", () => {
  const times = openWriteTimes();
  const first = at({ order: 1, lsn: 10 });
  const second = at({ order: 2, lsn: 20 });
  const later = at({ commitMicros: noon + 50, lsn: 30 });
  const once = [first, second, later].map(times.of);
  expect(times.of(later)).toBe(once[2]!);
  expect(times.of(first)).toBeLessThan(once[1]!);
  expect(times.of(second)).toBeLessThan(once[2]!);
});

test("a clock that is set back does not reverse the order of a row's changes", () => {
  const times = openWriteTimes();
  const before = times.of(at({ lsn: 10 }));
  expect(times.of(at({ commitMicros: noon - 3_600_000_000, lsn: 20 }))).toBe(before + 1);
});

test("a row evicted during a large transaction is still dated after its earlier change", () => {
  const times = openWriteTimes(10);
  const rows = Array.from({ length: 100 }, (_, index) => idOf(index));
  const first = rows.map((id, index) => times.of(at({ id, order: 1 + index, lsn: 1 + index })));
  const second = rows.map((id, index) => times.of(at({ id, order: 101 + index, lsn: 101 + index })));
  for (const [index, time] of second.entries()) expect(time).toBeGreaterThan(first[index]!);
});

test("no object is kept for any of 100,000 rows", () => {
  Bun.gc(true);
  const before = heapStats();
  const times = openWriteTimes();
  for (let row = 0; row < 100_000; row++) times.of(at({ id: idOf(row), order: 1 + row, lsn: 1 + row }));
  Bun.gc(true);
  const after = heapStats();
  expect(after.objectCount - before.objectCount).toBeLessThan(1_000);
  expect(after.extraMemorySize - before.extraMemorySize).toBeLessThan(6_000_000);
  expect(times.of(at({ id: idOf(1), order: 100_001, lsn: 100_001 }))).toBe(noon + 1);
});

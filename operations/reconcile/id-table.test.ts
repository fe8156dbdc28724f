import { heapStats } from "bun:jsc";
import { expect, spyOn, test } from "bun:test";
import { wordsOf } from "../../stream/id-index.ts";
import { discardRead } from "./garbage.ts";
import { openIdTable } from "./id-table.ts";

const idOf = (n: number) => `${n.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;

test("it keeps every column through its growth, with sequential ids too", () => {
  const table = openIdTable();
  for (let n = 0; n < 50_000; n++) {
    const index = table.add(wordsOf(idOf(n)));
    table.columns.hash[index] = BigInt(n);
    table.columns.flags[index] = n & 0xffff;
  }
  for (let n = 0; n < 50_000; n++) {
    const index = table.find(wordsOf(idOf(n)));
    expect([index, table.columns.hash[index], table.columns.flags[index], table.columns.time[index]]).toEqual([
      n,
      BigInt(n),
      n & 0xffff,
      0,
    ]);
  }
  expect(table.find(wordsOf(idOf(50_000)))).toBe(-1);
});

test("it takes at most 100 bytes an id, and no object for any of them", () => {
  const ids = 200_000;
  Bun.gc(true);
  const before = heapStats();
  const table = openIdTable();
  const words = new Uint32Array(4);
  for (let n = 0; n < ids; n++) table.add(wordsOf(idOf(n), words));
  Bun.gc(true);
  const after = heapStats();
  expect(table.size()).toBe(ids);
  expect(after.objectCount - before.objectCount).toBeLessThan(ids / 100);
  expect((after.extraMemorySize - before.extraMemorySize) / ids).toBeWithin(52, 100);
});

test("what records leave behind is collected after some thousands of them, large ones earlier", () => {
  const collect = spyOn(Bun, "gc");
  for (let n = 0; n < 10_000; n++) discardRead(300);
  expect(collect.mock.calls.length).toBeWithin(2, 10);
  for (let n = 0; n < 100; n++) discardRead(60_000);
  expect(collect.mock.calls.length).toBeWithin(4, 12);
  collect.mockRestore();
});

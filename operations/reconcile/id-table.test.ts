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
  const { size, objects, bytes } = measured(ids);
  expect(size).toBe(ids);
  expect(objects).toBeLessThan(ids / 100);
  expect(bytes / ids).toBeWithin(52, 100);
});

/** How much the heap grows with a table of so many ids: in a process of its own, since here it has what other tests left. */
function measured(ids: number): { size: number; objects: number; bytes: number } {
  const script = `
    import { heapStats } from "bun:jsc";
    import { openIdTable } from "./id-table.ts";
    import { wordsOf } from "../../stream/id-index.ts";
    const idOf = ${idOf};
    Bun.gc(true);
    const before = heapStats();
    const table = openIdTable();
    const words = new Uint32Array(4);
    for (let n = 0; n < ${ids}; n++) table.add(wordsOf(idOf(n), words));
    Bun.gc(true);
    const after = heapStats();
    console.log(JSON.stringify({
      size: table.size(),
      objects: after.objectCount - before.objectCount,
      bytes: after.extraMemorySize - before.extraMemorySize,
    }));`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "--eval", script], { cwd: import.meta.dir });
  if (stdout.length === 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

test("what records leave behind is collected after some thousands of them, large ones earlier", () => {
  const collect = spyOn(Bun, "gc");
  for (let n = 0; n < 10_000; n++) discardRead(300);
  expect(collect.mock.calls.length).toBeWithin(2, 10);
  for (let n = 0; n < 100; n++) discardRead(60_000);
  expect(collect.mock.calls.length).toBeWithin(4, 12);
  collect.mockRestore();
});

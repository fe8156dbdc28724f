import { expect, test } from "bun:test";
import { differenceOf, differingIds } from "./differences.ts";
import { columns, type Row } from "./rows.ts";

const row = (id: string, token: bigint, value = "x", writtenAt = "1"): Row => ({
  id,
  token,
  cells: columns.map(() => ({ value, writtenAt })),
});

async function* pages(...all: Row[][]) {
  yield* all;
}

async function idsThatDiffer(live: Row[][], rebuilt: Row[][]) {
  const ids: string[] = [];
  let rows = 0;
  const count = (more: number) => {
    rows += more;
  };
  for await (const id of differingIds(pages(...live), pages(...rebuilt), count)) ids.push(id);
  return { ids, rows };
}

test("two tables are compared row by row in the order of their tokens, whatever their pages are", async () => {
  const [a, b, c, d, e] = [row("a", -5n), row("b", -1n), row("c", 0n), row("d", 7n), row("e", 7n)];
  expect(await idsThatDiffer([[a, b], [], [c, d, e]], [[a], [b, c, d], [e]])).toEqual({ ids: [], rows: 5 });
  expect(await idsThatDiffer([[a, c, e]], [[b, c], [d]])).toEqual({ ids: ["a", "b", "d", "e"], rows: 3 });
  expect(await idsThatDiffer([[a, b, c]], [[a, row("b", -1n, "y"), row("c", 0n, "x", "2")]])).toEqual({
    ids: ["b", "c"],
    rows: 3,
  });
  expect(await idsThatDiffer([], [[], [a]])).toEqual({ ids: ["a"], rows: 0 });
});

test("a difference has the columns that differ in value or write time", () => {
  const live = row("a", 1n);
  const changed = {
    ...live,
    cells: live.cells.map((cell, index) => (index === 1 ? { value: null, writtenAt: null } : cell)),
  };
  expect(differenceOf("a", live, changed)).toEqual({
    kind: "different",
    id: "a",
    columns: [{ name: columns[1]!, live: { value: "x", writtenAt: "1" }, rebuilt: { value: null, writtenAt: null } }],
  });
  expect(differenceOf("a", live, null)).toEqual({ kind: "extra", id: "a", newest: "1" });
  expect(differenceOf("a", null, live)).toEqual({ kind: "missing", id: "a", newest: "1" });
  expect(differenceOf("a", live, { ...live })).toBeNull();
});

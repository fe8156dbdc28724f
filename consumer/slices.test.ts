import { expect, test } from "bun:test";
import { slicesOf } from "./slices.ts";

test("slices follow one another and leave nothing out", () => {
  expect([...slicesOf([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
});

test("nothing to cut gives no slice", () => {
  expect([...slicesOf([], 2)]).toEqual([]);
});

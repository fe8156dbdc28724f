import { expect, test } from "bun:test";
import { slicesOf } from "./slices.ts";

test("slices are consecutive and contain every record", () => {
  expect([...slicesOf([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
});

test("an empty batch has no slices", () => {
  expect([...slicesOf([], 2)]).toEqual([]);
});

import { expect, test } from "bun:test";
import { halve, splitRing } from "./token-ranges.ts";

test("the ranges cover every token exactly once", () => {
  for (const parts of [1, 3, 32]) {
    const ranges = splitRing(parts);
    expect(ranges).toHaveLength(parts);
    expect(ranges[0]!.after).toBe(-9_223_372_036_854_775_808n);
    expect(ranges.at(-1)!.upTo).toBe(9_223_372_036_854_775_807n);
    for (const [index, range] of ranges.slice(1).entries()) expect(range.after).toBe(ranges[index]!.upTo);
  }
});

test("the two halves cover the range", () => {
  expect(halve({ after: 0n, upTo: 5n })).toEqual([
    { after: 0n, upTo: 2n },
    { after: 2n, upTo: 5n },
  ]);
});

test("a range of one token cannot be halved", () => {
  expect(halve({ after: 4n, upTo: 5n })).toEqual([]);
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { merged, without } from "./ranges.ts";

const range = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 10 })).map(([from, length]) => ({
  from: BigInt(from),
  to: BigInt(from + length),
}));
const ranges = fc.array(range, { maxLength: 8 });
const offsetsIn = (given: readonly { from: bigint; to: bigint }[]) =>
  new Set(
    given.flatMap(({ from, to }) => Array.from({ length: Number(to - from) }, (_, index) => Number(from) + index)),
  );

test("merged ranges have the same offsets, in order and each once", () => {
  fc.assert(
    fc.property(ranges, (given) => {
      const result = merged(given);
      expect(offsetsIn(result)).toEqual(new Set([...offsetsIn(given)].sort((a, b) => a - b)));
      for (const [index, { from }] of result.entries()) if (index > 0) expect(from > result[index - 1]!.to).toBe(true);
    }),
  );
});

test("a difference has the offsets of the first ranges that are not in the others", () => {
  fc.assert(
    fc.property(ranges, ranges, (given, others) => {
      expect(offsetsIn(without(given, others))).toEqual(offsetsIn(given).difference(offsetsIn(others)));
    }),
  );
});

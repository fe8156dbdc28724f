import { expect, test } from "bun:test";
import fc from "fast-check";
import { openIdIndex, wordsOf } from "./id-index.ts";

test("it answers like a map, for ids that share words, in any order and number", () => {
  // Few distinct groups, so that ids collide in every word but one.
  const id = fc
    .tuple(fc.nat(3), fc.nat(3), fc.nat(40), fc.nat(40))
    .map(([a, b, c, d]) => `${hex(a, 8)}-${hex(b, 4)}-4000-8000-${hex(c, 4)}${hex(d, 8)}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(id, fc.nat())), fc.array(id), (writes, others) => {
      const index = openIdIndex();
      const values: number[] = [];
      const map = new Map<string, number>();
      for (const [key, value] of writes) {
        values[index.add(wordsOf(key))] = value;
        map.set(key, value);
      }
      expect(index.size()).toBe(map.size);
      for (const [key, value] of map) {
        const at = index.find(wordsOf(key));
        expect([index.idAt(at), values[at]]).toEqual([key, value]);
      }
      for (const other of others) expect(index.find(wordsOf(other)) >= 0).toBe(map.has(other));
    }),
  );
});

test("only a UUID has words, and its case does not matter", () => {
  const upper = "C7A41086-06E3-4BFE-9C40-4E9DA2DF42C8";
  expect(wordsOf(upper)).toEqual(wordsOf(upper.toLowerCase()));
  for (const wrong of ["", "x", upper.slice(1), `${upper}0`, upper.replace("C", "G"), upper.replaceAll("-", "0")])
    expect(() => wordsOf(wrong)).toThrow("is not a UUID");
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => wordsOf(text)).toThrow(RangeError);
    }),
  );
});

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

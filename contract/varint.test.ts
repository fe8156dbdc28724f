import { expect, test } from "bun:test";
import fc from "fast-check";
import { readVarint, writeVarint } from "./varint.ts";

/** The encoding as Avro's specification defines it, for any 64-bit number. */
function encoded(value: bigint) {
  const bytes: number[] = [];
  for (let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)); ; left >>= 7n) {
    if (left < 0x80n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 0x7fn) | 0x80);
  }
}

const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.nat(9).map((less) => Number.MAX_SAFE_INTEGER - less),
  fc.nat(9).map((more) => more - Number.MAX_SAFE_INTEGER),
);

test("every safe integer is written as Avro has it, and read back exactly", () => {
  fc.assert(
    fc.property(safe, (value) => {
      const bytes: number[] = [];
      writeVarint(value, (byte) => bytes.push(byte));
      expect(Buffer.from(bytes)).toEqual(encoded(BigInt(value)));
      const cursor = { bytes: Buffer.from([...bytes, 7]), at: 0 };
      expect(readVarint(cursor)).toBe(value === 0 ? 0 : value);
      expect(cursor.at).toBe(bytes.length);
    }),
    { numRuns: 5_000 },
  );
});

test("a number beyond the safe integers never becomes one", () => {
  const least = BigInt(Number.MAX_SAFE_INTEGER) + 1n;
  const beyond = fc.oneof(
    fc.bigInt({ min: least, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -least }),
    fc.constantFrom(least, -least),
  );
  fc.assert(
    fc.property(beyond, (value) => {
      expect(Number.isSafeInteger(readVarint({ bytes: encoded(value), at: 0 }))).toBe(false);
    }),
  );
});

test("a number without an end, or of more than 64 bits, is refused", () => {
  expect(() => readVarint({ bytes: Buffer.from([0x80]), at: 0 })).toThrow("truncated");
  expect(() => readVarint({ bytes: Buffer.alloc(11, 0x80), at: 0 })).toThrow("too long");
});

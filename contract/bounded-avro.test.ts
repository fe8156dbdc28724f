import { expect, test } from "bun:test";
import avro from "avsc";
import fc from "fast-check";
import { timed } from "../test/support/cpu-time.ts";
import { schemaLimits } from "./bounded-avro.ts";
import { validUsers } from "./samples.ts";
import type { User } from "./user.ts";
import { avroSchema, encode, isRejected, maxValueBytes, readerOf } from "./wire.ts";

const [rachel] = validUsers as [User, ...User[]];
const body = encode(rachel, 1).subarray(5);

/** The contract with an additional last field, as another team's producer might use it. */
const withField = (type: unknown) =>
  JSON.stringify({ ...avroSchema, fields: [...avroSchema.fields, { name: "a", type }] });

/** A number in Avro's encoding. */
function long(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)); ; left >>= 7n) {
    if (left < 0x80n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 0x7fn) | 0x80);
  }
}
const longs = (...values: (bigint | number)[]) => Buffer.concat(values.map((value) => long(BigInt(value))));
const read = (type: unknown, ...more: Buffer[]) => readerOf(withField(type))(Buffer.concat([body, ...more]));

/** The most CPU time that any decoding step may take, in milliseconds: ten times what it takes. */
const patienceMs = 500;
function inTime<T>(work: () => T): T {
  const { result, cpuMs } = timed(work);
  expect(cpuMs).toBeLessThan(patienceMs);
  return result;
}

const empty = { type: "record", name: "Empty", fields: [] };
const nodeOf = (next: unknown) => ({ type: "record", name: "Node", fields: [{ name: "next", type: next }] });
/** Each record contains the previous one twice: 2^40 nulls in zero bytes. */
const doubled = Array.from({ length: 40 }).reduce<unknown>(
  (inner, _, level) => ({
    type: "record",
    name: `R${level}`,
    fields: [
      { name: "one", type: inner },
      { name: "two", type: level === 0 ? inner : `R${level - 1}` },
    ],
  }),
  "null",
);

test.each([
  ["an array of nulls", { type: "array", items: "null" }, "items that take no bytes"],
  ["an array of empty records", { type: "array", items: empty }, "items that take no bytes"],
  ["an array of records without content", { type: "array", items: nodeOf("null") }, "items that take no bytes"],
  [
    "an array of zero-length items",
    { type: "array", items: { type: "fixed", name: "F", size: 0 } },
    "items that take no bytes",
  ],
  ["a record in itself", nodeOf(["null", "Node"]), "Node contains itself"],
  ["records that double in size", doubled, "types are nested more than 32 deep"],
  ["two thousand fields", { ...empty, fields: fieldsOf(schemaLimits.types) }, "more than 2000 types"],
])("a schema with %s is refused", (_, type, why) => {
  const result = inTime(() => read(type, longs(9_000_000_000_000_000)));
  expect(result).toMatchObject({ reason: "undecodable" });
  expect(isRejected(result) && result.detail).toContain(why);
});

function fieldsOf(count: number) {
  return Array.from({ length: count }, (_, index) => ({ name: `f${index}`, type: "int" }));
}

test.each([
  ["a deep one", () => `${'{"type":'.repeat(25_000)}"int"${"}".repeat(25_000)}`],
  ["one of many unions", () => `{"type": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ["one that is too long", () => withField({ ...empty, doc: "x".repeat(schemaLimits.length) })],
  ["one of ten thousand fields", () => JSON.stringify({ ...avroSchema, fields: fieldsOf(10_000) })],
  ["one that defines a name twice", () => withField({ ...empty, name: "User", namespace: "user_automation" })],
])("a hostile schema is refused quickly: %s", (_, schema) => {
  expect(inTime(() => readerOf(schema())(body))).toMatchObject({ reason: "undecodable" });
});

const ints = { type: "array", items: "int" };
const texts = { type: "map", values: "string" };

test.each([
  ["a count without items", ints, longs(9_000_000_000_000_000)],
  ["the smallest possible count", ints, longs(-(2n ** 63n), 0)],
  ["a block with a negative size", ints, longs(-1, -3, 0)],
  ["a block with too large a size", ints, longs(-1, 5, 1, 0)],
  ["a map with too large a count", texts, longs(2 ** 31, 2)],
  ["a text of negative length", "string", longs(-8)],
  ["a text longer than any buffer", "bytes", longs(2n ** 62n)],
  ["a number without an end", "long", Buffer.alloc(60_000, 0x80)],
  ["a branch missing in its union", ["null", "int"], longs(2)],
])("a value with %s is refused", (_, type, more) => {
  const result = inTime(() => read(type, more));
  expect(result).toMatchObject({ kind: "rejected", reason: "undecodable" });
});

test("valid arrays and maps are skipped, in blocks with and without a size", () => {
  expect(read(ints, longs(2, 1, 2, -1, 1, 3, 0))).toEqual(rachel);
  expect(read(texts, longs(1, 0, 0, 0))).toEqual(rachel);
  expect(read({ type: "array", items: nodeOf("int") }, Buffer.alloc(0), longs(0))).toEqual(rachel);
});

test("a value of 64 KiB with the most costly schema is bounded", () => {
  const items = { type: "record", name: "Wide", fields: [...fieldsOf(1), ...Array.from({ length: 1_500 }, nullField)] };
  const count = maxValueBytes - body.length - 10;
  const result = inTime(() => read({ type: "array", items }, longs(count), Buffer.alloc(count), longs(0)));
  expect(isRejected(result) && result.detail).toContain("more than 500000 steps");
});

const nullField = (_: unknown, index: number) => ({ name: `n${index}`, type: "null" });

test("any schema and any bytes are handled quickly, and values written by avsc are read", () => {
  let names = 0;
  const named = (schema: object) => ({ ...schema, name: `N${names++}` });
  const { type } = fc.letrec<{ type: unknown }>((tie) => ({
    type: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom("null", "boolean", "int", "long", "float", "double", "bytes", "string"),
      fc.nat(3).map((size) => ({ type: "fixed", name: `N${names++}`, size })),
      fc.constant({}).map(() => named({ type: "enum", symbols: ["A", "B"] })),
      tie("type").map((items) => ({ type: "array", items })),
      tie("type").map((values) => ({ type: "map", values })),
      fc.array(tie("type"), { maxLength: 4 }),
      fc
        .array(tie("type"), { maxLength: 4 })
        .map((all) => named({ type: "record", fields: all.map((each, index) => ({ name: `f${index}`, type: each })) })),
    ),
  }));
  const number = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -9n, max: 9n }));
  const bytes = fc.oneof(
    fc.array(number, { maxLength: 30 }).map((values) => longs(...values)),
    fc.uint8Array({ maxLength: 100 }).map((values) => Buffer.from(values)),
  );
  let readable = 0;
  fc.assert(
    fc.property(type, bytes, (foreign, more) => {
      const reader = inTime(() => readerOf(withField(foreign)));
      const result = inTime(() => reader(Buffer.concat([body, more])));
      if (isRejected(result)) expect(result.detail).not.toBe("");
      else expect(result).toEqual(rachel);

      const written = randomValue(foreign);
      if (written === undefined) return;
      const again = reader(Buffer.concat([body, written]));
      if (isRejected(again)) expect(again.detail).toStartWith("the writer's schema cannot become a user: ");
      else readable++;
    }),
    { numRuns: 3_000 },
  );
  expect(readable).toBeGreaterThan(500);
}, 240_000);

/** A value of a type as encoded by avsc; undefined if avsc does not have the type. */
function randomValue(schema: unknown): Buffer | undefined {
  try {
    const type = avro.Type.forSchema(structuredClone(schema) as avro.Schema);
    return type.toBuffer(type.random());
  } catch {
    return undefined;
  }
}

import { expect, test } from "bun:test";
import avro from "avsc";
import fc from "fast-check";
import { avroTypeOf, fieldTypeOf, typeOf } from "./avro-types.ts";
import vectors from "./avro-vectors.json" with { type: "json" };
import type { Field, FieldKind, FieldValue } from "./fields.ts";

const fieldOf = (kind: FieldKind, nullable = false): Field => ({
  name: "odd",
  kind,
  nullable,
  description: "A sentence.",
  example: null,
  rules: {},
  ...(kind === "list" && { items: { maxLength: 20 } }),
});

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const date = fc.date({ min: new Date("0000-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
const text = fc.string({ unit: "grapheme" });

const values: [FieldKind, fc.Arbitrary<FieldValue>][] = [
  ["int", fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0))],
  ["long", fc.oneof(fc.maxSafeInteger(), fc.constantFrom(2 ** 53 - 1, -(2 ** 53) + 1, -(2 ** 52) - 1))],
  ["double", fc.oneof(finite, fc.constantFrom(1e308, 5e-324, 0.1))],
  ["boolean", fc.boolean()],
  [
    "date",
    fc.oneof(
      date.map((day) => day.toISOString().slice(0, 10)),
      fc.constantFrom("0001-01-01", "9999-12-31"),
    ),
  ],
  ["timestamp", date.map((time) => time.toISOString())],
  ["list", fc.oneof(fc.array(text), fc.constantFrom([], [""], ['"', ",", "{}", "🦉", "a,b", "null"]))],
];

test.each(values)("any %s survives the round trip", (kind, arbitrary) => {
  for (const nullable of [false, true]) {
    const type = readerOf(kind, nullable);
    fc.assert(
      fc.property(nullable ? fc.option(arbitrary) : arbitrary, (value) => {
        expect(type.isValid({ odd: value })).toBe(true);
        expect(type.fromBuffer(type.toBuffer({ odd: value }))).toEqual({ odd: value });
      }),
    );
  }
});

test.each(vectors)("$kind $value has the same bytes as with fastavro", ({ kind, value, bytes, nullableBytes }) => {
  const encoded = (nullable: boolean) =>
    readerOf(kind as FieldKind, nullable)
      .toBuffer({ odd: value })
      .toString("hex");
  expect([encoded(false), encoded(true)]).toEqual([bytes, nullableBytes]);
});

test("null in a nullable field is one byte", () => {
  expect(readerOf("list", true).toBuffer({ odd: null }).toString("hex")).toBe("00");
});

const recordOf = (type: unknown) => ({ type: "record", name: "Odd", fields: [{ name: "odd", type }] }) as avro.Schema;
/** The contract's record of one field. */
const readerOf = (kind: FieldKind, nullable = false) => typeOf(recordOf(fieldTypeOf(fieldOf(kind, nullable))));

/** What a field reads of a value written with another schema, or why it refuses it. */
function resolved(kind: FieldKind, writer: unknown, value: unknown, nullable = false): unknown {
  const written = avro.Type.forSchema(recordOf(writer), { wrapUnions: false }).toBuffer({ odd: value });
  return readWith(kind, writer, written, nullable);
}
function readWith(kind: FieldKind, writer: unknown, written: Buffer, nullable = false): unknown {
  const reader = readerOf(kind, nullable);
  try {
    return reader.fromBuffer(written, reader.createResolver(typeOf(recordOf(writer)))).odd;
  } catch (error) {
    return (error as Error).message;
  }
}
const refusal = "odd: the writer's type cannot be resolved to the contract's";
const days = { type: "int", logicalType: "date" };

test("Avro's promotions are read, if no value can change by them", () => {
  expect(resolved("long", "int", -5)).toBe(-5);
  expect(resolved("int", "long", 5)).toBe(5);
  expect(resolved("double", "int", -5)).toBe(-5);
  expect(resolved("double", "float", 0.5)).toBe(0.5);
  expect(resolved("list", { type: "array", items: "bytes" }, [Buffer.from("owl")])).toEqual(["owl"]);
  expect(resolved("double", "long", 5)).toBe(refusal);
  expect(readWith("double", ["long", "double"], Buffer.from("02000000000000e03f", "hex"))).toBe(0.5);
  expect(readWith("double", ["long", "double"], Buffer.from("0004", "hex"))).toBe(refusal);
  expect(resolved("int", "double", 5)).toBe(refusal);
  expect(resolved("int", "string", "5")).toBe(refusal);
  expect(resolved("boolean", "int", 1)).toBe(refusal);
  expect(resolved("list", "string", "owl")).toBe(refusal);
});

test("a date must have been written as one", () => {
  expect(resolved("date", days, 19_737)).toBe("2024-01-15");
  expect(resolved("date", "int", 19_737)).toBe(refusal);
  expect(resolved("date", { type: "long", logicalType: "date" }, 19_737)).toBe(refusal);
  expect(resolved("long", days, 19_737)).toBe(19_737);
});

test("only the actual branch of a union must be readable, in the items of a list, too", () => {
  expect(resolved("int", ["null", "string", "int"], 7)).toBe(7);
  expect(resolved("int", ["null", "string", "int"], "x")).toBe(refusal);
  expect(resolved("date", ["null", days], null, true)).toBe(null);
  const items = ["null", "string"];
  expect(resolved("list", { type: "array", items }, ["a", "b"])).toEqual(["a", "b"]);
  expect(resolved("list", { type: "array", items }, ["a", null])).toBe(refusal);
});

test("a number that JavaScript cannot represent is refused, not rounded", () => {
  const long = (hex: string) => readWith("long", "long", Buffer.from(hex, "hex"));
  expect(long("feffffffffffff1f")).toBe(9_007_199_254_740_991);
  expect(long("fdffffffffffff1f")).toBe(-9_007_199_254_740_991);
  expect(long("8080808080808020")).toContain("9007199254740992 cannot be represented exactly");
  expect(long("ffffffffffffffffff01")).toContain("cannot be represented exactly");
});

test("the type's attributes are the rules of a list's items", () => {
  expect(avroTypeOf(fieldOf("list"))).toEqual({ type: "array", items: { type: "string", maxLength: 20 } });
});

import { expect, test } from "bun:test";
import avro from "avsc";
import fc from "fast-check";
import { timeField } from "./entity.ts";
import { changeable, validUsers } from "./samples.ts";
import { fields, User } from "./user.ts";
import { avroSchema, decode, encode, maxValueBytes, type Reader, readerOf } from "./wire.ts";

const schemaId = 7;
const readers = new Map<number, Reader | null>([[schemaId, readerOf(JSON.stringify(avroSchema))]]);
const [rachel] = validUsers as [User, ...User[]];
const { text, optional, time } = changeable;
const bytesOf = (hex: string) => Buffer.from(hex, "hex");

test("a value begins with magic byte 0 and the schema id", () => {
  expect(encode(rachel, 0x01020304).subarray(0, 5)).toEqual(bytesOf("0001020304"));
});

test("every valid sample survives the round trip", () => {
  for (const user of validUsers) expect(decode(encode(user, schemaId), readers)).toEqual(user);
});

test("any user survives the round trip", () => {
  // Any script; U+0000 is not allowed in a user.
  const anyText = fc.string({ unit: "grapheme", maxLength: 9 }).map((value) => value.replaceAll("\0", "0"));
  const visible = anyText.map((value) => `${value}x`);
  const anyTime = fc
    .date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
    .map((date) => date.toISOString());
  const arbitraryOf = ({ name, kind, nullable }: (typeof fields)[number]): fc.Arbitrary<unknown> => {
    const sample = fc.constantFrom(...validUsers.map((user) => user[name]));
    const isAnyText = kind === "text" && User.shape[name].safeParse("Owl").success;
    const value =
      { uuid: fc.uuid({ version: [4, 5] }), timestamp: anyTime }[kind as string] ?? (isAnyText ? visible : sample);
    return nullable ? fc.option<unknown>(value) : value;
  };
  const user = fc.record(
    Object.fromEntries(fields.map((field) => [field.name, arbitraryOf(field)])),
  ) as fc.Arbitrary<User>;
  fc.assert(fc.property(user, (value) => expect(decode(encode(value, schemaId), readers)).toEqual(value)));
});

test("any bytes become a user or a reason, never an exception", () => {
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    // A user with one byte changed, truncated anywhere.
    fc
      .record({ at: fc.nat(250), byte: fc.integer({ min: 0, max: 255 }), length: fc.integer({ min: 0, max: 300 }) })
      .map(({ at, byte, length }) => {
        const bytes = encode(rachel, schemaId);
        if (at < bytes.length) bytes[at] = byte;
        return bytes.subarray(0, length);
      }),
  );
  fc.assert(
    fc.property(value, (bytes) => {
      const result = decode(bytes, readers);
      if ("reason" in result) expect(result.detail).not.toBe("");
      else expect(User.parse(result)).toEqual(result);
    }),
  );
});

test.each([
  ["null", null, "no_value"],
  ["more bytes than any user has", Buffer.alloc(maxValueBytes + 1), "too_large"],
  ["nothing", Buffer.alloc(0), "no_magic_byte"],
  ["text", Buffer.from('{"id": 1}'), "no_magic_byte"],
  ["a truncated schema id", bytesOf("00000000"), "no_magic_byte"],
  ["a schema id unknown to the registry", encode(rachel, 8), "unknown_schema"],
  ["a truncated body", encode(rachel, schemaId).subarray(0, -3), "undecodable"],
  ["a body followed by more bytes", Buffer.concat([encode(rachel, schemaId), Buffer.alloc(1)]), "undecodable"],
  ["an empty text", encode({ ...rachel, [text]: "" }, schemaId), "invalid_user"],
])("%s is rejected with its reason", (_, bytes, reason) => {
  expect(decode(bytes, readers)).toMatchObject({ kind: "rejected", reason });
});

test("a schema with missing and additional fields is read: missing ones are null, additional ones are skipped", () => {
  const missing: string[] = [optional, time];
  const kept = avroSchema.fields.filter(({ name }) => !missing.includes(name));
  const older = { ...avroSchema, fields: [...kept, { name: "nickname", type: "string" }] };
  const body = avro.Type.forSchema(older as never, { wrapUnions: false }).toBuffer({
    ...numbered(rachel),
    nickname: "Owl",
  });
  const nulls = Object.fromEntries(missing.map((name) => [name, null]));
  expect(readerOf(JSON.stringify(older))(body)).toEqual({ ...rachel, ...nulls });
});

test("a schema that cannot be resolved to a user rejects everything", () => {
  const read = readerOf(
    JSON.stringify({ type: "record", name: "Order", fields: [{ name: "number", type: "string" }] }),
  );
  expect(read(encode(rachel, schemaId).subarray(5))).toMatchObject({ kind: "rejected", reason: "undecodable" });
});

/** A user as Avro writes it without logical types: times and dates as numbers. */
const numbered = (user: User) =>
  Object.fromEntries(
    fields.map(({ name, kind }) => {
      const millis = Date.parse(String(user[name]));
      if (user[name] === null || !["timestamp", "date"].includes(kind)) return [name, user[name]];
      return [name, kind === "date" ? millis / 86_400_000 : millis];
    }),
  );

/** The contract with other types, and a user written with it. */
function writtenAs(types: Record<string, unknown>, change: Record<string, unknown> = {}, references: string[] = []) {
  const fields = avroSchema.fields.map(({ name, type }) => ({ name, type: types[name] ?? type }));
  const schema = JSON.stringify({ ...avroSchema, fields });
  const registry = {};
  const [type] = [...references, schema]
    .map((text) => avro.Type.forSchema(JSON.parse(text), { registry, wrapUnions: false }))
    .toReversed();
  return readerOf(schema, references)(type!.toBuffer({ ...numbered(rachel), ...change }));
}

test("only the actual branch of a writer's union must be readable", () => {
  expect(writtenAs({ [text]: ["null", "string"] })).toEqual(rachel);
  expect(writtenAs({ [text]: ["string", "int"], [optional]: ["int", "string", "null"] })).toEqual(rachel);
  const millis = { type: "long", logicalType: "timestamp-millis" };
  expect(writtenAs({ [timeField]: ["null", millis] })).toEqual(rachel);
});

test.each([
  ["a null for a required field", { [text]: ["null", "string"] }, { [text]: null }],
  ["a number instead of a text", { [text]: ["string", "int"] }, { [text]: 7 }],
  ["a union without a matching branch", { [text]: ["null", "int"] }, { [text]: 7 }],
  ["another type", { [text]: "int" }, { [text]: 7 }],
])("%s is refused with the name of its field", (_, types, change) => {
  const result = writtenAs(types as Record<string, unknown>, change);
  expect(result).toMatchObject({ kind: "rejected", reason: "undecodable" });
  expect("detail" in result && result.detail).toContain(`${Object.keys(types)[0]}: `);
});

test("a schema may use names defined by other schemas", () => {
  const street = JSON.stringify({ type: "fixed", name: "Street", namespace: "geo", size: 2 });
  const place = JSON.stringify({
    type: "record",
    name: "Place",
    namespace: "geo",
    fields: [{ name: "street", type: "Street" }],
  });
  const types = { [optional]: ["null", "string", "geo.Place"] };
  expect(writtenAs(types, {}, [street, place])).toEqual(rachel);
});

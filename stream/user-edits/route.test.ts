import { expect, test } from "bun:test";
import fc from "fast-check";
import { idField } from "../../contract/entity.ts";
import { changeable, validUsers } from "../../contract/samples.ts";
import type { User } from "../../contract/user.ts";
import { editReaderOf, editSchema, encodeEdit, type UserEdit } from "../../contract/user-edits.ts";
import { avroSchema, encode } from "../../contract/wire.ts";
import type { Message } from "../change.ts";
import { sift } from "../sift.ts";
import { changeOf } from "./route.ts";

const [rachel, adryn] = validUsers as [User, User, ...User[]];
const { text, optional } = changeable;
const now = Date.parse("2026-01-15T06:00:00Z");

const upsertOf = (user: User): UserEdit => ({
  [idField]: user[idField],
  operation: "upsert",
  user,
  write_time: now * 1_000 + 7,
  author: null,
  request_id: "one",
});
const deletion: UserEdit = { ...upsertOf(rachel), operation: "delete", user: null };

const schema = (written: object, newerFields: string[] = []) => ({
  read: editReaderOf(JSON.stringify(written)),
  newerFields,
});
const older = {
  ...editSchema,
  fields: editSchema.fields.map((field) =>
    field.name === "user"
      ? { ...field, type: ["null", { ...avroSchema, fields: avroSchema.fields.filter((f) => f.name !== optional) }] }
      : field,
  ),
};
/** An id that no changed byte of another record makes. */
const newer = 0x01_01_01_01;
const schemas = new Map([
  [1, schema(editSchema)],
  [2, null],
  [3, schema(avroSchema)],
  [4, schema(older)],
  [newer, schema(editSchema, ["user.height"])],
]);
const options = { schemas, changeOf, now, maxAheadMs: 300_000 };

const message = (value: Buffer | null, offset = 0): Message => ({
  key: null,
  value,
  offset: String(offset),
  timestamp: "1768456800000",
});
const sifted = (value: Buffer | null) => sift([message(value)], options);
const reasonOf = (value: Buffer | null) => sifted(value).letters.map(({ reason }) => reason);

test("an upsert and a deletion become the row's own write and delete, at the edit's write time", () => {
  const records = [message(encodeEdit(upsertOf(adryn), 1)), message(encodeEdit(deletion, 1), 1)];
  expect(sift(records, options)).toEqual({
    writes: [
      { message: records[0]!, change: { kind: "upsert", user: adryn, writeTimeMicros: 1_768_456_800_000_007 } },
      { message: records[1]!, change: { kind: "delete", id: rachel[idField], writeTimeMicros: 1_768_456_800_000_007 } },
    ],
    letters: [],
  });
});

test("a column that an older API did not know keeps its value, as it did when that API wrote the row", () => {
  const withNull = upsertOf({ ...rachel, [optional]: null });
  const [bytes, other] = [encodeEdit(withNull, 4), encodeEdit(upsertOf({ ...rachel, [optional]: "" }), 4)];
  const at = bytes.findIndex((byte, index) => byte !== other[index]); // a null is one zero byte
  const written = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
  expect(sifted(written).writes[0]?.change).toEqual({
    kind: "upsert",
    user: { ...rachel, [optional]: null },
    kept: [optional],
    writeTimeMicros: 1_768_456_800_000_007,
  });
});

test("each kind of poison has the reason that it has in the topic of users", () => {
  const good = encodeEdit(upsertOf(rachel), 1);
  expect(reasonOf(null)).toEqual(["no_value"]);
  expect(reasonOf(Buffer.alloc(64 * 1024 + 1))).toEqual(["too_large"]);
  expect(reasonOf(Buffer.from('{"id": "c7a41086"}'))).toEqual(["no_magic_byte"]);
  expect(reasonOf(encodeEdit(upsertOf(rachel), 2))).toEqual(["unknown_schema"]);
  expect(reasonOf(good.subarray(0, -3))).toEqual(["undecodable"]);
  expect(reasonOf(encode(rachel, 3))).toEqual(["undecodable"]);
  expect(reasonOf(encodeEdit(upsertOf({ ...rachel, [text]: "" }), 1))).toEqual(["invalid_user"]);
});

test("a write time may be at most five minutes ahead", () => {
  const at = (micros: number) => encodeEdit({ ...deletion, write_time: micros }, 1);
  expect(reasonOf(at((now + 300_000) * 1_000))).toEqual([]);
  expect(reasonOf(at((now + 300_000) * 1_000 + 1))).toEqual(["timestamp_ahead"]);
});

test("any bytes end in exactly one of writes and letters, in log order", () => {
  const changed = fc.tuple(fc.nat(300), fc.nat(255), fc.nat(400)).map(([at, byte, length]) => {
    const bytes = Buffer.from(encodeEdit(upsertOf(adryn), 1));
    bytes[at % bytes.length] = byte;
    return bytes.subarray(0, length);
  });
  const value = fc.oneof(changed, fc.constant(null), fc.constant(encodeEdit(deletion, 1)));
  fc.assert(
    fc.property(fc.array(value, { maxLength: 30 }), (values) => {
      const { writes, letters } = sift(values.map(message), options);
      const seen = [...writes, ...letters].map((outcome) => Number(outcome.message.offset));
      expect(seen.sort((a, b) => a - b)).toEqual(values.map((_, index) => index));
    }),
  );
});

test("the first record of a newer contract is held, and all after it are left unread", () => {
  const records = [encodeEdit(deletion, 1), null, encodeEdit(deletion, newer), encodeEdit(deletion, 1)].map(message);
  const { writes, letters, held } = sift(records, options);
  expect([writes.length, letters.length, held?.offset]).toEqual([1, 1, "2"]);
  expect(held?.why).toContain("whose fields this version does not know: user.height; update the consumer");
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { idField } from "./entity.ts";
import { contractAttribute } from "./newer-schema.ts";
import { changeable, validUsers } from "./samples.ts";
import type { User } from "./user.ts";
import { editReaderOf, editSchema, encodeEdit, newerEditFields, type UserEdit } from "./user-edits.ts";
import { avroSchema, decode } from "./wire.ts";

const [rachel] = validUsers as [User, ...User[]];
const { text, optional } = changeable;
const upsert: UserEdit = {
  [idField]: rachel[idField],
  operation: "upsert",
  user: rachel,
  write_time: 1_768_456_800_000_001,
  author: "API_TOKEN",
  request_id: "6ab6971f-fd8c-4953-9d07-a7d485d1057a",
};
const deletion: UserEdit = { ...upsert, operation: "delete", user: null, author: null };

/** An edit schema whose user has these fields, in Avro JSON. */
const schemaWith = (fields: readonly object[], marked: readonly string[] = avroSchema[contractAttribute]) =>
  JSON.stringify({
    ...editSchema,
    fields: editSchema.fields.map((field) =>
      field.name === "user"
        ? { ...field, type: ["null", { ...avroSchema, [contractAttribute]: marked, fields }] }
        : field,
    ),
  });
const contract = JSON.stringify(editSchema);
const read = (bytes: Buffer, schema = contract) => decode(bytes, new Map([[7, editReaderOf(schema)]]));

test("an edit survives the round trip, whatever the user, and so does a deletion", () => {
  for (const user of validUsers) {
    const edit = { ...upsert, [idField]: user[idField], user };
    expect(read(encodeEdit(edit, 7))).toEqual({ ...edit, kept: [] });
  }
  for (const id of [rachel[idField], "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"])
    expect(read(encodeEdit({ ...deletion, [idField]: id }, 7))).toEqual({ ...deletion, [idField]: id, kept: [] });
});

test.each([
  ["an upsert without a user", { ...upsert, user: null }, "user: an upsert has a user, a deletion has none"],
  ["a deletion with a user", { ...deletion, user: rachel }, "user: an upsert has a user, a deletion has none"],
  ["another id", { ...upsert, [idField]: crypto.randomUUID() }, `user.${idField}: must be the id of the edit`],
  ["another operation", { ...deletion, operation: "forget" }, "operation: "],
  ["an invalid user", { ...upsert, user: { ...rachel, [text]: "" } }, `user.${text}: `],
  ["a request without an id", { ...upsert, request_id: "" }, "request_id: "],
])("%s is rejected with the field at fault", (_, edit, detail) => {
  const rejected = read(encodeEdit(edit as UserEdit, 7));
  expect(rejected).toMatchObject({ kind: "rejected", reason: "invalid_user" });
  expect((rejected as { detail: string }).detail).toStartWith(detail);
});

test("any bytes become an edit or a reason, never an exception", () => {
  const changed = fc
    .record({ at: fc.nat(400), byte: fc.integer({ min: 0, max: 255 }), length: fc.integer({ min: 0, max: 500 }) })
    .map(({ at, byte, length }) => {
      const bytes = encodeEdit(upsert, 7);
      if (at < bytes.length) bytes[at] = byte;
      return bytes.subarray(0, length);
    });
  fc.assert(
    fc.property(changed, (bytes) => {
      const result = read(bytes);
      expect("reason" in result ? result.detail !== "" : result.request_id !== "").toBe(true);
    }),
  );
});

test("a column that an older writer did not know is kept, not written as null", () => {
  const older = schemaWith(avroSchema.fields.filter(({ name }) => name !== optional));
  const withNull = { ...upsert, user: { ...rachel, [optional]: null } };
  // A null is one zero byte, so the older writer's record is the same one without it.
  const [bytes, other] = [encodeEdit(withNull, 7), encodeEdit({ ...upsert, user: { ...rachel, [optional]: "" } }, 7)];
  const at = bytes.findIndex((byte, index) => byte !== other[index]);
  const written = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
  expect(read(written, older)).toEqual({ ...withNull, kept: [optional] });
  expect(newerEditFields(older)).toEqual([]);
});

test("newer fields of the edit and of its user are named; those of other producers are not", () => {
  const height = { name: "height", type: ["null", "int"], default: null };
  const names = avroSchema[contractAttribute];
  expect(newerEditFields(contract)).toEqual([]);
  expect(newerEditFields(schemaWith([...avroSchema.fields, height]))).toEqual([]);
  expect(newerEditFields(schemaWith([...avroSchema.fields, height], [...names, "height"]))).toEqual(["user.height"]);
  const because = {
    ...editSchema,
    [contractAttribute]: [...editSchema[contractAttribute], "because"],
    fields: [...editSchema.fields, { name: "because", type: ["null", "string"], default: null }],
  };
  expect(newerEditFields(JSON.stringify(because))).toEqual(["because"]);
});

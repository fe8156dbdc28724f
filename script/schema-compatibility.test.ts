import { expect, test } from "bun:test";
import { changeable } from "../contract/samples.ts";
import { avroSchema } from "../contract/wire.ts";
import { breaksWith, sameBytes } from "./schema-compatibility.ts";

const schema = (change: (fields: object[]) => object[]) =>
  JSON.stringify({ ...avroSchema, fields: change(avroSchema.fields) });
const today = schema((fields) => fields);
const published = [{ name: "users_created.1.avsc", text: today }];

test("the schema is compatible with itself", () => {
  expect(breaksWith(today, published)).toEqual([]);
});

test("a new field with a default is compatible", () => {
  const next = schema((fields) => [...fields, { name: "nickname", type: ["null", "string"], default: null }]);
  expect(breaksWith(next, published)).toEqual([]);
  expect(sameBytes(next, today)).toBe(false);
});

test("a new field without a default makes old messages unreadable", () => {
  const next = schema((fields) => [...fields, { name: "nickname", type: "string" }]);
  expect(breaksWith(next, published)).toHaveLength(1);
  expect(breaksWith(next, published)[0]).toStartWith("messages of users_created.1.avsc can no longer be read");
});

/** A published version with three more fields, one of them nullable. */
const richer = schema((fields) => [
  ...fields,
  { name: "odd_nickname", type: ["null", { type: "string" }], default: null },
  { name: "odd_height", type: "double", default: 0 },
  { name: "odd_tags", type: { type: "array", items: { type: "string", maxLength: 20 } }, default: [] },
]);
const versions = [...published, { name: "users_created.2.avsc", text: richer }];
const changed = (name: string, change: object) =>
  JSON.stringify({
    ...JSON.parse(richer),
    fields: JSON.parse(richer).fields.map((field: { name: string }) =>
      field.name === name ? { ...field, ...change } : field,
    ),
  });

test.each(["odd_nickname", changeable.text])(
  "a removed or renamed field is refused, even a nullable one: %s",
  (name) => {
    const [sentence, ...more] = breaksWith(changed(name, { name: "renamed", aliases: [name] }), versions);
    expect(more).toEqual([]);
    expect(sentence).toStartWith(`${name}: published in users_created.2.avsc, is missing. A field cannot be removed`);
  },
);

test.each([
  ["odd_height", { type: "float" }, "is float instead of double"],
  ["odd_height", { type: "string", default: "" }, "is string instead of double"],
  ["odd_nickname", { type: ["null", "bytes"] }, "is bytes instead of string"],
  ["odd_tags", { type: "string", default: "" }, "is string instead of array of string"],
  [changeable.time, { type: ["null", "long"] }, "is long instead of long (timestamp-millis)"],
])("another type is refused, even one that Avro would read: %s", (name, change, why) => {
  expect(breaksWith(changed(name, change), versions)[0]).toStartWith(
    `${name}: published in users_created.2.avsc, ${why}`,
  );
});

test("a field may not become required or nullable", () => {
  expect(breaksWith(changed("odd_nickname", { type: "string", default: "" }), versions)[0]).toStartWith("messages of");
  expect(breaksWith(changed(changeable.text, { type: ["null", "string"], default: null }), versions)[0]).toStartWith(
    "a consumer of",
  );
});

test("a new rule is compatible", () => {
  const items = { type: "array", items: { type: "string", maxLength: 30 } };
  expect(breaksWith(changed("odd_tags", { type: items, maxItems: 3 }), versions)).toEqual([]);
});

test("a description does not change the bytes", () => {
  expect(sameBytes(JSON.stringify({ ...avroSchema, doc: "Another sentence." }), today)).toBe(true);
});

test("a field of a record within a record stays, too", () => {
  const field = (name: string) => ({ name, type: ["null", "string"], default: null });
  const edit = (...names: string[]) =>
    JSON.stringify({
      type: "record",
      name: "Edit",
      fields: [{ name: "user", type: ["null", { type: "record", name: "User", fields: names.map(field) }] }],
    });
  const before = [{ name: "edited.1.avsc", text: edit("email", "phone") }];
  expect(breaksWith(edit("email", "phone", "fax"), before)).toEqual([]);
  expect(breaksWith(edit("email"), before)).toHaveLength(1);
  expect(breaksWith(edit("email"), before)[0]).toStartWith("user.phone: published in edited.1.avsc, is missing. ");
});

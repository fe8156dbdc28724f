import { expect, test } from "bun:test";
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
  const next = schema((fields) => [...fields, { name: "city", type: ["null", "string"], default: null }]);
  expect(breaksWith(next, published)).toEqual([]);
  expect(sameBytes(next, today)).toBe(false);
});

test("a new field without a default makes old messages unreadable", () => {
  const next = schema((fields) => [...fields, { name: "city", type: "string" }]);
  expect(breaksWith(next, published)).toHaveLength(1);
  expect(breaksWith(next, published)[0]).toStartWith("messages of users_created.1.avsc can no longer be read");
});

test("removing a required field breaks earlier consumers", () => {
  const next = schema((fields) => fields.filter((field) => !("name" in field && field.name === "email")));
  expect(breaksWith(next, published)).toHaveLength(1);
  expect(breaksWith(next, published)[0]).toStartWith("a consumer of users_created.1.avsc can no longer read");
});

test("a description does not change the bytes", () => {
  expect(sameBytes(JSON.stringify({ ...avroSchema, doc: "Another sentence." }), today)).toBe(true);
});

import { expect, test } from "bun:test";
import { contractAttribute, newerFields } from "./newer-schema.ts";
import { editSchema, newerEditFields } from "./user-edits.ts";
import { avroSchema } from "./wire.ts";

const field = (name: string) => ({ name, type: ["null", "string"], default: null });
const names = avroSchema.fields.map(({ name }) => name);
const withFields = (...more: string[]) => ({ ...avroSchema, fields: [...avroSchema.fields, ...more.map(field)] });
const marked = (schema: object, ...more: string[]) =>
  JSON.stringify({ ...schema, [contractAttribute]: [...names, ...more] });

test("a schema of this version, an older one and one of another producer have no newer fields", () => {
  expect(newerFields(JSON.stringify(avroSchema))).toEqual([]);
  expect(newerFields(JSON.stringify({ ...avroSchema, fields: avroSchema.fields.slice(3) }))).toEqual([]);
  expect(newerFields(JSON.stringify(withFields("loyalty_points")))).toEqual([]);
});

test("a schema of a newer version names the fields that this one lacks", () => {
  expect(newerFields(marked(withFields("height"), "height"))).toEqual(["height"]);
  // Another producer's field in a copy of the newer schema is not the contract's.
  expect(newerFields(marked(withFields("height", "loyalty_points"), "height"))).toEqual(["height"]);
});

test("a schema of another record of the contract is no newer version of this one", () => {
  expect(newerFields(JSON.stringify(editSchema))).toEqual([]);
  expect(newerEditFields(marked(withFields("height"), "height"))).toEqual([]);
});

test("what is not a schema has no newer fields", () => {
  for (const text of ["", "null", "[]", '"string"', '{"contract":1,"fields":[null,{"name":1}]}', "[".repeat(100_000)])
    expect(newerFields(text)).toEqual([]);
});

const inner = { type: "record", name: "Inner", [contractAttribute]: ["a", "b"], fields: ["a", "b"].map(field) };
const outer = (type: unknown) =>
  JSON.stringify({ type: "record", name: "Outer", [contractAttribute]: ["in"], fields: [{ name: "in", type }] });

test("a newer field of a record within a record is named with its path, and only if it is the contract's", () => {
  const known = new Map([["in", new Map([["a", null]])]]);
  for (const type of [inner, ["null", inner]]) expect(newerFields(outer(type), known, "Outer")).toEqual(["in.b"]);
  for (const type of ["string", ["null", "string"], "Inner", { ...inner, [contractAttribute]: ["a"] }])
    expect(newerFields(outer(type), known, "Outer")).toEqual([]);
});

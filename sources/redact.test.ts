import { expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { redact } from "./redact.ts";

const schema = z.object({ email: z.string(), login: z.object({ uuid: z.uuid() }), at: z.string().optional() });

test("keys of the schema are kept, even with invalid values, and all others are removed", () => {
  const value = { email: 42, login: { uuid: "no-uuid", password: "disney1" }, ssn: "528-39-3128" };
  expect(redact(schema, value)).toEqual({ email: 42, login: { uuid: "no-uuid" } });
});

test("an object or array that the schema does not describe is withheld", () => {
  expect(redact(schema, { email: { password: "disney1" }, login: "disney1", at: ["disney1"] })).toEqual({
    email: "[withheld]",
    login: "[withheld]",
    at: "[withheld]",
  });
  expect(redact(schema, ["disney1"])).toBe("[withheld]");
  expect(redact(schema, "disney1")).toBe("[withheld]");
});

test("the items of a list that the schema describes are shown, without what it does not describe", () => {
  const tags = z.object({ tags: z.array(z.string()).nullable(), pets: z.array(z.object({ name: z.string() })) });
  const value = { tags: ["owl", 7, { password: "disney1" }], pets: [{ name: "Coco", chip: "disney1" }] };
  expect(redact(tags, value)).toEqual({ tags: ["owl", 7, "[withheld]"], pets: [{ name: "Coco" }] });
  expect(redact(tags, { tags: "owl", pets: { chip: "disney1" } })).toEqual({ tags: "owl", pets: "[withheld]" });
});

test("for any value, nothing outside of the schema is shown", () => {
  const secret = "disney1";
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(fc.constant(secret), fc.dictionary(fc.constantFrom("password", "login", "id"), tie("node"))),
  })).node;
  fc.assert(fc.property(tree, (value) => expect(JSON.stringify(redact(schema, value))).not.toContain(secret)));
});

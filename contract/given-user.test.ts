import { expect, test } from "bun:test";
import { idField } from "./entity.ts";
import { parseGiven, withNulls } from "./given-user.ts";
import { changeable, invalidUsers, validUsers } from "./samples.ts";
import { keyOf } from "./topics.ts";
import { fields, User } from "./user.ts";

const [first] = validUsers as [User, ...User[]];

test("missing nullable fields become null, and nothing else changes", () => {
  const nullable = fields.filter((field) => field.nullable).map(({ name }) => name);
  const given = Object.fromEntries(Object.entries(first).filter(([name]) => !nullable.includes(name as keyof User)));
  const nulls = Object.fromEntries(nullable.map((name) => [name, null]));
  expect(User.parse(withNulls(given))).toEqual({ ...first, ...nulls });
  expect(withNulls({ ...first, password: "disney1" })).toEqual({ ...first, password: "disney1" });
  expect(User.safeParse(withNulls({})).success).toBe(false);
  for (const other of [null, undefined, "x", ["x"]]) expect(withNulls(other)).toEqual(other);
});

test("a given user is parsed as by the schema, in the order of the schema's fields", () => {
  const reversed = Object.fromEntries(Object.entries(first).reverse());
  const { [changeable.optional]: _, ...without } = first;
  const upper = { ...first, [idField]: keyOf(first).toUpperCase() };
  for (const given of [...validUsers, reversed, without, upper, ...invalidUsers.map(({ value }) => value), null, "x"]) {
    const parsed = parseGiven(given);
    expect(JSON.stringify(parsed)).toBe(JSON.stringify(User.safeParse(withNulls(given))));
  }
});

import { expect, test } from "bun:test";
import { withNulls } from "./given-user.ts";
import { validUsers } from "./samples.ts";
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

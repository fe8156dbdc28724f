import { expect, test } from "bun:test";
import { fields } from "./user.ts";

test("the fields keep the contract's order and kinds", () => {
  expect(fields.map(({ name, kind, nullable }) => `${name} ${kind}${nullable ? "?" : ""}`)).toEqual([
    "id uuid",
    "first_name text",
    "last_name text",
    "gender text?",
    "email text",
    "username text",
    "phone text?",
    "address text?",
    "post_code text?",
    "dob timestamp?",
    "registered_date timestamp?",
    "picture text?",
    "timestamp timestamp",
  ]);
});

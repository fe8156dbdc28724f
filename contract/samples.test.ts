import { expect, test } from "bun:test";
import { idField } from "./entity.ts";
import { firstFault } from "./first-fault.ts";
import { invalidUsers, validUsers } from "./samples.ts";
import { User } from "./user.ts";

test("every valid sample is a user and stays unchanged", () => {
  for (const user of validUsers) expect(User.parse(user)).toEqual(user);
});

test("every invalid sample is rejected with the field at fault", () => {
  for (const { field, value } of invalidUsers) {
    const result = User.safeParse(value);
    expect(result.success).toBe(false);
    expect(firstFault(result.error!)).toStartWith(`${field}: `);
  }
});

test("an id is converted to lower case, so that one user has one key", () => {
  const user = User.parse({ ...validUsers[0], [idField]: "C7A41086-06E3-4BFE-9C40-4E9DA2DF42C8" });
  expect(user[idField]).toBe("c7a41086-06e3-4bfe-9c40-4e9da2df42c8");
});

test("a field that is not in the contract is rejected", () => {
  expect(User.safeParse({ ...validUsers[0], password: "disney1" }).success).toBe(false);
});

test("a validation error names the path of the value, including list positions", () => {
  const [{ field, value }] = invalidUsers as [(typeof invalidUsers)[number]];
  const result = User.array().safeParse([validUsers[0], value]);
  expect(firstFault(result.error!, "results")).toStartWith(`results[1].${field}: `);
});

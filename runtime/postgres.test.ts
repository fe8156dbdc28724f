import { expect, test } from "bun:test";
import { classifyError } from "./postgres.ts";

test.each([
  [
    "transient",
    ["CONNECT_TIMEOUT", "CONNECTION_CLOSED", "ECONNREFUSED", "08006", "40001", "40P01", "53300", "57P01", "57P03"],
  ],
  ["data", ["22008", "22P05", "23502", "23514"]],
  ["final", ["28P01", "3D000", "42501", "42703", "42P01"]],
  ["unknown", ["XX000", "P0001", "ERR_INVALID_ARG_TYPE", 22_008]],
] as const)("%s errors are classified by code", (outcome, codes) => {
  for (const code of codes)
    expect([code, classifyError(Object.assign(new Error("x"), { code }))]).toEqual([code, outcome]);
});

test("an error without a code is unknown", () => {
  expect(classifyError(new TypeError("undefined is not a function"))).toBe("unknown");
  expect(classifyError(null)).toBe("unknown");
});

test("two programs creating the table at the same time conflict in the catalogue, which is transient", () => {
  const clash = { code: "23505", constraint_name: "pg_type_typname_nsp_index" };
  expect(classifyError(clash)).toBe("transient");
  expect(classifyError({ ...clash, constraint_name: "created_users_pkey" })).toBe("data");
});

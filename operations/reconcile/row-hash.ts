import type { FieldValue } from "../../contract/fields.ts";
import { fields, type User } from "../../contract/user.ts";

/** Hashes below it have a meaning of their own. */
const firstHash = 16n;

/** Values in place of a row's hash. */
export const noRow = { unknown: 0n, deleted: 1n, incomplete: 2n } as const;

/** 64 bits that tell rows apart, whatever store they come from: of the contract's values, in the order of its fields. */
export function hashOf(user: User): bigint {
  let values = "";
  for (const { name } of fields) {
    const value = user[name] as FieldValue | undefined;
    values += typeof value === "string" ? `${value.length}:${value}` : `${JSON.stringify(value ?? null)},`;
  }
  const hash = Bun.hash.wyhash(values) as bigint;
  return hash < firstHash ? hash + firstHash : hash;
}

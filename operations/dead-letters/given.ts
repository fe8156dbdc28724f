import { idField } from "../../contract/entity.ts";
import type { Field, Rules } from "../../contract/fields.ts";
import { withNulls } from "../../contract/given-user.ts";
import { fields, User } from "../../contract/user.ts";
import { fieldValue, type Values } from "./repair.ts";

/** The fields of a record as text, as a form shows them and gives them back. The id cannot be given another value. */
export type Texts = Readonly<Record<string, string>>;

export const settable: readonly Field[] = fields.filter(({ name }) => name !== idField);

/** A value as text: of a missing one and of null, nothing. */
export const textOf = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);

/** The fields whose text is not that of the record, with their new values. */
export function changedValues(record: Values, given: Texts): Values {
  const changed = settable.filter(({ name }) => name in given && lines(given[name]!) !== lines(textOf(record[name])));
  return Object.fromEntries(changed.map((field) => [field.name, fieldValue(field, given[field.name]!)]));
}

/** Browsers send line breaks as CR and LF. */
const lines = (text: string) => text.replaceAll("\r\n", "\n");

/** What the contract says against each field of a record with some new values; of each the first fault. Pure. */
export function faultsOf(record: Values, changed: Values): Map<string, string> {
  const faults = new Map<string, string>();
  const { error } = User.safeParse(withNulls({ ...record, ...changed }));
  for (const { path, message } of error?.issues ?? []) {
    const name = String(path[0] ?? "");
    if (!faults.has(name)) faults.set(name, message);
  }
  return faults;
}

const kinds: Record<Field["kind"], string> = {
  uuid: "a UUID",
  text: "text",
  int: "a whole number of 32 bits",
  long: "a whole number",
  double: "a number",
  boolean: "true or false",
  timestamp: "a time in UTC, such as 2026-01-15T06:00:00.000Z",
  date: "a date, such as 2026-01-15",
  list: "texts separated by commas, or a JSON array",
};

/** What a field may have, in words; a pattern is told by what is said against a value. */
export function allowedIn({ kind, nullable, rules, example }: Field): string {
  const hasExample = kind === "text" && rules.pattern !== undefined && typeof example === "string";
  const parts = [kinds[kind], ...limits(rules), ...(hasExample ? [`such as ${example}`] : [])];
  return `${parts.join(", ")}${nullable ? "; may be empty" : ""}`;
}

function limits({ minLength = 0, maxLength, minimum, maximum, minItems = 0, maxItems }: Rules): string[] {
  const range = (low: number | undefined, high: number | undefined) =>
    low === undefined ? `at most ${high}` : high === undefined ? `at least ${low}` : `${low} to ${high}`;
  const isBounded = (number: number | undefined) => number !== undefined && Math.abs(number) < 2 ** 31 - 1;
  return [
    ...(maxLength === undefined ? [] : [`${range(minLength || undefined, maxLength)} characters`]),
    ...(maxItems === undefined ? [] : [`${range(minItems || undefined, maxItems)} items`]),
    ...(isBounded(minimum) || isBounded(maximum)
      ? [range(isBounded(minimum) ? minimum : undefined, isBounded(maximum) ? maximum : undefined)]
      : []),
  ];
}

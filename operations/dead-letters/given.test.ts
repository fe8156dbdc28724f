import { expect, test } from "bun:test";
import { idField, timeField } from "../../contract/entity.ts";
import { changeable, validUsers } from "../../contract/samples.ts";
import { fields } from "../../contract/user.ts";
import { allowedIn, changedValues, faultsOf, settable, textOf } from "./given.ts";

const { text, optional } = changeable;
const record: Record<string, unknown> = { ...validUsers[0] };
const texts = Object.fromEntries(settable.map(({ name }) => [name, textOf(record[name])]));

test("what was not typed is not given another value; nothing is null where that is allowed", () => {
  expect(changedValues(record, texts)).toEqual({});
  expect(changedValues(record, { ...texts, [text]: "Another", [idField]: crypto.randomUUID() })).toEqual({
    [text]: "Another",
  });
  expect(changedValues(record, { ...texts, [text]: "", [optional]: "" })).toEqual({ [text]: "", [optional]: null });
});

test("a browser's line breaks are no change", () => {
  const lines = { ...record, [optional]: "one\ntwo" };
  expect(changedValues(lines, { ...texts, [optional]: "one\r\ntwo" })).toEqual({});
});

test("every field at fault is named, and a missing one that may be null is not", () => {
  const { [optional]: _, ...rest } = record;
  expect([...faultsOf(rest, {})]).toEqual([]);
  expect([...faultsOf({ ...record, [timeField]: "yesterday" }, { [text]: "" }).keys()].sort()).toEqual(
    [text, timeField].sort(),
  );
});

test("what a field may have is said in words, without its pattern", () => {
  const of = (name: string) => allowedIn(fields.find((field) => field.name === name)!);
  expect(of(text)).toMatch(/^text, 1 to 200 characters, such as /);
  expect(of(optional)).toMatch(/^text, at most \d+ characters.*; may be empty$/);
  expect(of(timeField)).toBe("a time in UTC, such as 2026-01-15T06:00:00.000Z");
});

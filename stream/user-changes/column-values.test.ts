import { expect, test } from "bun:test";
import { columnValue, isOmitted } from "./column-values.ts";

test("dates are days since 1970, and times lose their microseconds", () => {
  expect(columnValue("date", 0)).toBe("1970-01-01");
  expect(columnValue("date", -719_162)).toBe("0001-01-01");
  expect(columnValue("date", 2_932_896)).toBe("9999-12-31");
  expect(columnValue("date", null)).toBe(null);
  expect(columnValue("timestamp", "1955-12-31T23:59:59.999999Z")).toBe("1955-12-31T23:59:59.999Z");
});

test.each([
  ["infinity", 2 ** 31 - 1],
  ["a text", "2026-01-15"],
  ["half a day", 0.5],
  ["a date before Christ", -800_000],
  ["a date after 9999", 2_932_897],
])("a date that the contract does not have does not become another: %s", (_, value) => {
  const date = columnValue("date", value);
  expect(date === undefined || !/^\d{4}-/.test(String(date))).toBe(true);
});

test("other values are what JSON has", () => {
  expect(columnValue("long", 9_007_199_254_740_991)).toBe(9_007_199_254_740_991);
  expect(columnValue("list", ["a", ""])).toEqual(["a", ""]);
});

test("an omitted value is the placeholder, or a list of only the placeholder", () => {
  const placeholder = "__debezium_unavailable_value";
  expect([placeholder, [placeholder], [placeholder, "a"], [], null, undefined].map(isOmitted)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

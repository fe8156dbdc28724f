import { expect, test } from "bun:test";
import { cursorOf, pageStateOf } from "./cursor.ts";

test("a cursor gives back its page state", () => {
  expect(pageStateOf("users", cursorOf("users", "00101f0a")!)).toBe("00101f0a");
});

test("the last page has no cursor, and the first needs none", () => {
  expect(cursorOf("users", null)).toBeNull();
  expect(pageStateOf("users", undefined)).toBeUndefined();
});

test("a cursor that is altered, truncated, noise or of another query is refused", () => {
  const cursor = cursorOf("users", "00101f0a")!;
  const changed = (cursor[0] === "A" ? "B" : "A") + cursor.slice(1);
  const other = cursorOf("search rachel", "00101f0a")!;
  for (const bad of [other, changed, cursor.slice(0, -2), `${cursor}=`, "", "noise", "ü"])
    expect(() => pageStateOf("users", bad)).toThrow("not a cursor of this query");
});

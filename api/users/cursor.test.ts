import { expect, test } from "bun:test";
import { cursors } from "./cursor.ts";

const { seal, open } = cursors("a secret of this test");

test("a cursor opens to the page state it was made from", () => {
  expect(open("users", seal("users", "00101f0a")!)).toBe("00101f0a");
});

test("the last page has no cursor, and the first needs none", () => {
  expect(seal("users", null)).toBeNull();
  expect(open("users", undefined)).toBeUndefined();
});

test("a cursor of another query, a changed one, a cut one and noise are refused", () => {
  const cursor = seal("users", "00101f0a")!;
  const changed = (cursor[0] === "A" ? "B" : "A") + cursor.slice(1);
  for (const bad of [seal("search rachel", "00101f0a")!, changed, cursor.slice(0, -2), `${cursor}=`, "", "noise", "ü"])
    expect(() => open("users", bad)).toThrow("not a cursor of this query");
});

test("a cursor of a process with another secret is refused", () => {
  expect(() => open("users", cursors("another secret").seal("users", "00101f0a")!)).toThrow("not a cursor");
});

import { expect, test } from "bun:test";
import { writeClock } from "./write-clock.ts";

test("two writes within the same millisecond get different times, in order", () => {
  const clock = writeClock(() => 1_768_456_800_000);
  expect([clock(), clock(), clock()]).toEqual([1_768_456_800_000_000n, 1_768_456_800_000_001n, 1_768_456_800_000_002n]);
});

test("write times keep increasing when the clock is set back", () => {
  let nowMs = 2_000;
  const clock = writeClock(() => nowMs);
  expect(clock()).toBe(2_000_000n);
  nowMs = 1_000;
  expect(clock()).toBe(2_000_001n);
});

test("a row whose write time is ahead of the clock is written just after it, other rows at the current time", () => {
  const clock = writeClock(() => 1_000);
  expect(clock(300_000_000n)).toBe(300_000_001n);
  expect(clock()).toBe(1_000_001n);
});

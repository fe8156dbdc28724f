import { expect, test } from "bun:test";
import type { State } from "./client.ts";
import { countEnds } from "./restarts.ts";

const endsAfter = (...looks: [State, number][]) => {
  const count = countEnds();
  return looks.map(([state, pid]) => count({ state, pid })).at(-1);
};

test("a program that keeps running has not ended", () => {
  expect(endsAfter(["STARTING", 7], ["RUNNING", 7], ["RUNNING", 7])).toBe(0);
});

test("an end is seen while the program is down, and once for each time that it is", () => {
  expect(endsAfter(["STARTING", 7], ["BACKOFF", 0], ["BACKOFF", 0], ["STARTING", 8])).toBe(1);
  expect(endsAfter(["BACKOFF", 0], ["STARTING", 8], ["BACKOFF", 0])).toBe(2);
  expect(endsAfter(["FATAL", 0])).toBe(1);
});

test("an end between two looks is seen by the new process", () => {
  expect(endsAfter(["RUNNING", 7], ["STARTING", 8])).toBe(1);
  expect(endsAfter(["RUNNING", 7], ["STARTING", 8], ["RUNNING", 9])).toBe(2);
});

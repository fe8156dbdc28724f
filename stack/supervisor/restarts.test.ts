import { expect, test } from "bun:test";
import type { State } from "../../operations/supervisor/programs.ts";
import { countExits } from "./restarts.ts";

const exitsAfter = (...samples: [State, number][]) => {
  const count = countExits();
  return samples.map(([state, pid]) => count({ state, pid })).at(-1);
};

test("a program that keeps running has not exited", () => {
  expect(exitsAfter(["STARTING", 7], ["RUNNING", 7], ["RUNNING", 7])).toBe(0);
});

test("each period of downtime counts as one exit", () => {
  expect(exitsAfter(["STARTING", 7], ["BACKOFF", 0], ["BACKOFF", 0], ["STARTING", 8])).toBe(1);
  expect(exitsAfter(["BACKOFF", 0], ["STARTING", 8], ["BACKOFF", 0])).toBe(2);
  expect(exitsAfter(["FATAL", 0])).toBe(1);
});

test("an exit between two samples is recognised by the new pid", () => {
  expect(exitsAfter(["RUNNING", 7], ["STARTING", 8])).toBe(1);
  expect(exitsAfter(["RUNNING", 7], ["STARTING", 8], ["RUNNING", 9])).toBe(2);
});

import { expect, test } from "bun:test";
import { openHistory } from "./history.ts";
import type { Look } from "./look.ts";

const second = 1_000;

function look(atMs: number, written: number, more: Partial<Look> = {}): Look {
  const topic = { topic: "users_created", records: written, written, unread: 0, read: written };
  return { atMs, topics: new Map([["users_created", topic]]), away: new Map(), silent: new Map(), ...more };
}

test("a rate is that of the last ten seconds, and of two rarer looks", () => {
  const history = openHistory();
  history.add(look(0, 100));
  expect(history.counter("users_created")).toEqual({ value: 100 });
  for (let at = 1; at <= 30; at++) history.add(look(at * second, 100 + at * 5));
  expect(history.counter("users_created")).toEqual({ value: 250, movedMs: 30_000, perSecond: 5 });
  history.add(look(60 * second, 250));
  expect(history.counter("users_created")).toEqual({ value: 250, movedMs: 30_000, perSecond: 0 });
});

test("a counter that was set back has no negative rate", () => {
  const history = openHistory();
  history.add(look(0, 100));
  history.add(look(second, 3));
  expect(history.counter("users_created")).toEqual({ value: 3, movedMs: 1_000 });
});

test("a counter that is not seen any more has no rate, and its last value", () => {
  const history = openHistory();
  history.add(look(0, 1));
  history.add(look(second, 5));
  history.add({ atMs: 20 * second, away: new Map([["Kafka", "gone"]]), silent: new Map() });
  expect(history.counter("users_created")).toEqual({ value: 5, movedMs: 1_000 });
});

test("a service is away since it was first seen to be, also if another look finds another reason", () => {
  const history = openHistory();
  history.add(look(0, 1));
  history.addAway(new Map([["Cassandra", "nothing listens"]]), 4_000);
  history.add(look(6_000, 1, { away: new Map([["Cassandra", "no connection within 1.5 s"]]) }));
  expect(history.trouble("Cassandra")).toEqual({ isAway: true, why: "no connection within 1.5 s", sinceMs: 4_000 });
  expect(history.changedMs()).toBe(4_000);
  history.addAway(new Map(), 9_000);
  expect(history.trouble("Cassandra")).toBeUndefined();
  expect(history.changedMs()).toBe(9_000);
});

test("what a service said last is kept while it is away", () => {
  const history = openHistory();
  history.add(look(0, 1, { api: { requests: 5 } }));
  history.add({ atMs: second, away: new Map([["Kafka", "gone"]]), silent: new Map() });
  expect(history.last()?.topics?.get("users_created")?.written).toBe(1);
  expect(history.last()?.api?.requests).toBe(5);
});

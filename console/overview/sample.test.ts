import { expect, test } from "bun:test";
import type { Look } from "../../operations/flow/look.ts";
import type { Histogram } from "../../operations/prometheus.ts";
import { sampleOf } from "./sample.ts";

const dlq = "users_created.dlq";
const none: Histogram = { buckets: new Map(), sum: 0, count: 0 };

/** Observations at or below 5 ms, 50 ms and above all bounds. */
const histogram = (fast: number, slow: number, beyond = 0): Histogram => ({
  buckets: new Map([
    [0.005, fast],
    [0.05, fast + slow],
    [Number.POSITIVE_INFINITY, fast + slow + beyond],
  ]),
  sum: 0,
  count: fast + slow + beyond,
});

function look(atMs: number, written: number, read: number, readable = none, oldestUnreadMs?: number): Look {
  const created = { topic: "users_created", records: written, written, unread: written - read, read };
  return {
    atMs,
    topics: new Map([
      ["users_created", { ...created, ...(oldestUnreadMs !== undefined && { oldestUnreadMs }) }],
      [dlq, { topic: dlq, records: 3, written: 3 }],
    ]),
    consumer: { stored: read, readable, committedReadable: none },
    away: new Map(),
    silent: new Map(),
  };
}

test("a sample has the rates and the lag between two looks", () => {
  const sample = sampleOf(look(0, 100, 100), look(5_000, 160, 130, none, 1_500), dlq);
  expect(sample).toMatchObject({ writtenPerSecond: 12, readPerSecond: 6, unread: 30, waitsSeconds: 3.5, letters: 3 });
});

test("its percentiles are those of what happened in between, not since the consumer's start", () => {
  const sample = sampleOf(look(0, 0, 0, histogram(1_000, 0)), look(5_000, 0, 0, histogram(1_001, 3)), dlq);
  expect(sample).toMatchObject({ readable50: 0.05, readable99: 0.05, committed50: null, committed99: null });
  const fast = sampleOf(look(0, 0, 0, histogram(0, 500)), look(5_000, 0, 0, histogram(98, 502)), dlq);
  expect(fast).toMatchObject({ readable50: 0.005, readable99: 0.05 });
});

test("a consumer that has started since counts from nought; beyond all bounds it is the largest", () => {
  const sample = sampleOf(look(0, 0, 0, histogram(900, 0)), look(5_000, 0, 0, histogram(2, 0, 2)), dlq);
  expect(sample).toMatchObject({ readable50: 0.005, readable99: 0.05 });
});

test("what was not known is null, and not nought", () => {
  const silent = { atMs: 5_000, away: new Map(), silent: new Map() };
  expect(sampleOf(undefined, look(0, 9, 9), dlq)).toMatchObject({
    writtenPerSecond: null,
    readPerSecond: null,
    unread: 0,
  });
  expect(sampleOf(look(0, 9, 9), silent, dlq)).toMatchObject({ writtenPerSecond: null, unread: null, letters: null });
  expect(sampleOf(look(0, 9, 9), look(5_000, 2, 2), dlq).writtenPerSecond).toBeNull(); // the topic is another one
});

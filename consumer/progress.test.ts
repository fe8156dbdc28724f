import { expect, test } from "bun:test";
import { Registry } from "prom-client";
import { declareMetrics } from "./metrics.ts";
import { openProgress } from "./progress.ts";

const open = (sessionTimeoutMs = 10_000) => {
  const registry = new Registry();
  const clock = { ms: Date.parse("2026-01-15T06:00:00Z") };
  const progress = openProgress({
    metrics: declareMetrics(registry),
    sessionTimeoutMs,
    stalledAfterMs: 30_000,
    now: () => clock.ms,
  });
  const lag = async () => {
    const metric = await registry.getSingleMetric("consumer_lag_records")!.get();
    return Object.fromEntries(metric.values.map(({ labels, value }) => [String(labels.partition), value]));
  };
  return { progress, lag, clock };
};

test("the lag is the distance from the next record to the end of the log", async () => {
  const { progress, lag } = open();
  progress.joined({ users_created: [0, 1] });
  progress.seen("users_created", 0, { next: "40", end: "100" });
  progress.seen("users_created", 0, { next: "90" });
  expect(await lag()).toEqual({ "0": 10 });
});

test("offsets from Kafka fill in for partitions not read yet, and the group's commits count", async () => {
  const { progress, lag } = open();
  progress.joined({ users_created: [0, 1, 2] });
  progress.seen("users_created", 0, { next: "90", end: "100" });
  await progress.refreshLag(async () => [
    { partition: 0, next: 80n, end: 200n },
    { partition: 1, next: 45n, end: 50n },
    { partition: 2, next: 0n, end: 7n },
    { partition: 3, next: 0n, end: 9n },
  ]);
  expect(await lag()).toEqual({ "0": 110, "1": 5, "2": 7 });
});

test("partitions reassigned to another member are no longer shown", async () => {
  const { progress, lag } = open();
  progress.joined({ users_created: [0] });
  progress.seen("users_created", 0, { next: "1", end: "2" });
  progress.joined({ users_created: [1] });
  progress.seen("users_created", 0, { next: "1", end: "2" });
  progress.seen("users_created", 1, { next: "1", end: "4" });
  expect(await lag()).toEqual({ "1": 3 });
});

test("a partition stays blocked until it is seen past the block, or assigned again", () => {
  const { progress } = open();
  progress.joined({ users_created: [0, 1] });
  progress.blocked("users_created", 1, { lastOffset: "19", why: "the batch at offset 17 cannot be read" });
  progress.seen("users_created", 1, { next: "17", end: "30" });
  expect(progress.blocks()).toEqual(["topic users_created, partition 1: the batch at offset 17 cannot be read"]);
  progress.seen("users_created", 1, { next: "20" });
  expect(progress.blocks()).toEqual([]);

  progress.blocked("users_created", 0, { lastOffset: "3", why: "" });
  progress.joined({ users_created: [1] });
  expect(progress.blocks()).toEqual([]);
});

test("a member has joined, has not left, and its session has not timed out", () => {
  const { progress } = open();
  expect(progress.isMember()).toBe(false);
  progress.joined({});
  expect(progress.isMember()).toBe(true);
  progress.left();
  expect(progress.isMember()).toBe(false);
  // It was to join again, found no coordinator, and is still the member that it was.
  progress.heard();
  expect(progress.isMember()).toBe(true);

  const silent = open(0).progress;
  silent.joined({});
  expect(silent.isMember()).toBe(false);
});

test("a partition is stalled once it has had records for the configured time without processing any", async () => {
  const { progress, clock } = open();
  progress.joined({ users_created: [0, 1] });
  progress.seen("users_created", 0, { next: "90", end: "100" });
  progress.seen("users_created", 1, { next: "7", end: "7" });
  clock.ms += 29_999;
  expect(progress.stalled()).toEqual([]);
  clock.ms += 1;
  expect(progress.stalled()).toEqual([
    "topic users_created, partition 0: stuck at offset 90 since 2026-01-15T06:00:00.000Z, and the log ends at 100",
  ]);
  // The wait starts at the first record to read, not at the last processed one.
  await progress.refreshLag(async () => [{ partition: 1, next: 7n, end: 8n }]);
  expect(progress.stalled().length).toBe(1);
  progress.seen("users_created", 0, { next: "91" });
  expect(progress.stalled()).toEqual([]);
  clock.ms += 30_000;
  expect(progress.stalled().length).toBe(2);
});

test("nothing is stalled in an idle group, or while a backlog is being processed", () => {
  const { progress, clock } = open();
  progress.joined({ users_created: [0, 1] });
  progress.seen("users_created", 1, { next: "50", end: "50" });
  for (let next = 0; next <= 100; next += 10) {
    progress.seen("users_created", 0, { next: String(next), end: "1000" });
    clock.ms += 20_000;
    expect(progress.stalled()).toEqual([]);
  }
});

import { expect, test } from "bun:test";
import { Registry } from "prom-client";
import { declareMetrics } from "./metrics.ts";
import { openProgress } from "./progress.ts";

const open = (sessionTimeoutMs = 10_000) => {
  const registry = new Registry();
  const progress = openProgress(declareMetrics(registry), sessionTimeoutMs);
  const lag = async () => {
    const metric = await registry.getSingleMetric("consumer_lag_records")!.get();
    return Object.fromEntries(metric.values.map(({ labels, value }) => [String(labels.partition), value]));
  };
  return { progress, lag };
};

test("the lag is what lies between the next record and the end of the log", async () => {
  const { progress, lag } = open();
  progress.joined({ users_created: [0, 1] });
  progress.seen("users_created", 0, { next: "40", end: "100" });
  progress.seen("users_created", 0, { next: "90" });
  expect(await lag()).toEqual({ "0": 10 });
});

test("what Kafka says fills in what has not been read, and what the group committed counts", async () => {
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

test("partitions that went to another member are no longer shown", async () => {
  const { progress, lag } = open();
  progress.joined({ users_created: [0] });
  progress.seen("users_created", 0, { next: "1", end: "2" });
  progress.joined({ users_created: [1] });
  progress.seen("users_created", 0, { next: "1", end: "2" });
  progress.seen("users_created", 1, { next: "1", end: "4" });
  expect(await lag()).toEqual({ "1": 3 });
});

test("a partition waits at what cannot be read until it is seen beyond it, or assigned anew", () => {
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

test("a member is one that joined, has not left, and that the group still hears", () => {
  const { progress } = open();
  expect(progress.isMember()).toBe(false);
  progress.joined({});
  expect(progress.isMember()).toBe(true);
  progress.left();
  expect(progress.isMember()).toBe(false);

  const silent = open(0).progress;
  silent.joined({});
  expect(silent.isMember()).toBe(false);
});

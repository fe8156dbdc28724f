import { expect, test } from "bun:test";
import { partitionLags, topicLag } from "./lag.ts";

/** A topic; each entry is a partition's first offset, its end and the group's committed offset. */
const admin = (partitions: [low: number, high: number, committed?: number][]) => ({
  fetchTopicOffsets: async () =>
    partitions.map(([low, high], partition) => ({
      partition,
      offset: String(high),
      high: String(high),
      low: String(low),
    })),
  fetchOffsets: async () => [
    {
      topic: "users_created",
      partitions: partitions.map(([, , committed = -1], partition) => ({
        partition,
        offset: String(committed),
        metadata: null,
      })),
    },
  ],
});

test("the lag is the distance from the committed offset to the end", async () => {
  const lags = await partitionLags(admin([[0, 100, 40]]), "group", "users_created");
  expect(lags).toEqual([{ partition: 0, next: 40n, end: 100n }]);
});

test("a group that committed nothing starts at the first retained record", async () => {
  expect(await topicLag(admin([[90, 100]]), "group", "users_created")).toBe(10);
  expect(await topicLag(admin([[90, 100, 20]]), "group", "users_created")).toBe(10);
});

test("a partition whose known end is behind has no lag, and does not reduce the lag of others", async () => {
  expect(
    await topicLag(
      admin([
        [0, 100, 103],
        [0, 5, 1],
      ]),
      "group",
      "users_created",
    ),
  ).toBe(4);
});

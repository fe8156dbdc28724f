import { expect, test } from "bun:test";
import { partitionLags, topicLag } from "./lag.ts";

/** A topic of which each entry is a partition's first offset, its end, and what the group committed. */
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

test("the lag is what lies between the committed offset and the end", async () => {
  const lags = await partitionLags(admin([[0, 100, 40]]), "group", "users_created");
  expect(lags).toEqual([{ partition: 0, next: 40n, end: 100n }]);
});

test("a group that committed nothing begins at the first record that there still is", async () => {
  expect(await topicLag(admin([[90, 100]]), "group", "users_created")).toBe(10);
  expect(await topicLag(admin([[90, 100, 20]]), "group", "users_created")).toBe(10);
});

test("a partition whose end is not known to be as far yet has no lag, and takes none from the others", async () => {
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

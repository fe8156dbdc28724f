import { expect, test } from "bun:test";
import { groupsOf, openByReason } from "./groups.ts";
import type { Entry } from "./letter-log.ts";

const entry = (given: Partial<Entry> & { at: string }): Entry => ({
  partition: 0,
  offset: "0",
  writtenMs: Date.parse(given.at),
  reason: "invalid_user",
  origin: { topic: "users_created", partition: 0, offset: "1" },
  lastOffset: null,
  producedMs: null,
  replays: 0,
  key: "users_created/0/1/",
  settlement: undefined,
  ...given,
});
const settlement = { action: "replayed", at: "2026-01-15T07:00:00Z", by: "ann", letter: "0:0" } as const;

test("letters are counted by reason, topic and day, the newest and largest groups first", () => {
  const entries = [
    entry({ at: "2026-01-14T23:59:59.999Z" }),
    entry({ at: "2026-01-15T06:00:00Z", reason: "no_value" }),
    entry({ at: "2026-01-15T06:00:00Z" }),
    entry({ at: "2026-01-15T23:00:00Z", replays: 1 }),
    entry({ at: "2026-01-15T23:00:00Z", replays: 1, settlement }),
    entry({ at: "2026-01-15T23:00:00Z", origin: null }),
  ];
  expect(groupsOf(entries, "day")).toEqual([
    { reason: "invalid_user", topic: "users_created", time: "2026-01-15", open: 2, settled: 1, failedAgain: 1 },
    { reason: "no_value", topic: "users_created", time: "2026-01-15", open: 1, settled: 0, failedAgain: 0 },
    { reason: "invalid_user", topic: null, time: "2026-01-15", open: 1, settled: 0, failedAgain: 0 },
    { reason: "invalid_user", topic: "users_created", time: "2026-01-14", open: 1, settled: 0, failedAgain: 0 },
  ]);
  expect(groupsOf(entries, "hour").map(({ time }) => time)).toEqual([
    "2026-01-15T23",
    "2026-01-15T23",
    "2026-01-15T06",
    "2026-01-15T06",
    "2026-01-14T23",
  ]);
});

test("the open letters of each reason are counted", () => {
  const at = "2026-01-15T06:00:00Z";
  const entries = [entry({ at }), entry({ at, settlement }), entry({ at, reason: "no_value" }), entry({ at })];
  expect(openByReason(entries)).toEqual({ invalid_user: 2, no_value: 1 });
});

test("a letter with an impossible time is in a group, too", () => {
  expect(groupsOf([{ ...entry({ at: "" }), writtenMs: 9e15 }], "day")[0]?.time).toBe("unknown");
});

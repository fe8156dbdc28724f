import { expect, test } from "bun:test";
import { singular } from "../contract/entity.ts";
import { reportText } from "./where-text.ts";

const id = "c7a41086-06e3-4bfe-9c40-4e9da2df42c8";
const entry = (seconds: number, stage: string, place: string, detail: string, facts = {}) => ({
  ...{ atMicros: Date.parse("2026-11-28T23:59:58Z") * 1_000 + seconds * 1_000_000, stage, place, detail, facts },
});

test("events are in columns below their days, a run is named once, and nothing from elsewhere reaches the terminal", () => {
  const run = { run: "manual__1" };
  const history = [
    entry(0, "fetch", "raw.jsonl:17", "run manual__1", run),
    entry(1, "format", "next.jsonl:17", "run manual__1", run),
    entry(3, "captured", "a.topic.with.quite.a.long.name.changes 0/7", "last_name A → \u001b[2J\u202eB"),
  ];
  const looked = [
    {
      topic: "sent",
      partition: 2,
      bounds: { from: 0n, to: 9n },
      ranges: [{ from: 3n, to: 5n }],
      isCut: false,
    },
  ];
  const report = {
    id,
    isFound: true,
    history,
    now: [],
    missing: [{ stage: "Cassandra", why: "no row" }],
    looked,
    away: [],
  };
  expect(reportText(id, { ids: [id], names: [], away: [] }, [report]).split("\n")).toEqual([
    `${singular} ${id}`,
    "2026-11-28",
    "  23:59:58.000  fetch     raw.jsonl:17   run manual__1",
    "  23:59:59.000  format    next.jsonl:17  same run",
    "2026-11-29",
    "  00:00:01.000  captured  …changes 0/7   last_name A → \uFFFD[2J\uFFFDB",
    "missing",
    "  Cassandra  no row",
    "read  sent 2: 3–4 of 9",
  ]);
});

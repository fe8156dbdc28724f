import { expect, test } from "bun:test";
import { validUsers } from "../../contract/samples.ts";
import type { Facts, TopicFacts } from "./facts.ts";
import { missingOf } from "./missing.ts";
import type { Seen } from "./records.ts";
import { timeOf } from "./rows.ts";

const user = validUsers[0]!;
const config = {
  kafka: { topic: "users", changeTopic: "changes", deadLetterTopic: "dlq" },
  consumer: { groupId: "group" },
  cdc: { apply: true },
} as unknown as Parameters<typeof missingOf>[1];
const writeTimeMicros = timeOf(user) * 1_000;
const sent: Seen = {
  ...{ topic: "users", partition: 1, offset: 41n, producedMs: timeOf(user), times: [] },
  change: { kind: "upsert", user, writeTimeMicros },
};
const captured: Seen = {
  ...sent,
  topic: "changes",
  partition: 0,
  offset: 7n,
  times: [timeOf(user)],
  operation: "insert",
};
const looked = (topic: string, read: bigint) => ({
  ...{ topic, partition: 1, bounds: { from: 0n, to: 100n }, isCut: false },
  ranges: [{ from: 0n, to: read }],
});
const topics = (more: Partial<TopicFacts> = {}): TopicFacts => ({
  ...{ created: [sent], changes: [captured], edits: [], letters: [], settlements: new Map(), storedMs: new Map() },
  looked: [looked("users", 100n), looked("changes", 100n)],
  partitionsOf: () => 4,
  nextOf: () => 100n,
  ...more,
});
const whole: Facts = {
  id: user.id,
  runs: {
    found: [
      {
        run: "run-1",
        folder: "run-1",
        completed: "produce",
        traces: tracesOf("raw", "users", "backed-up", "produced"),
      },
    ],
    runs: 1,
    sinceMs: 0,
    skipped: 0,
  },
  postgres: { row: user, deletedMs: null, slotLagBytes: 0 },
  cassandra: { user, writeTimes: new Map([["email", writeTimeMicros]]) },
  topics: topics(),
  away: [],
};
function tracesOf(...files: string[]) {
  const tasks = ["fetch", "format", "backup", "produce"];
  return files.map((file, index) => ({ task: tasks[index]!, file: `${file}.jsonl`, line: 1, writtenMs: 0 }));
}
const why = (more: Partial<Facts>) =>
  missingOf({ ...whole, ...more }, config).map(({ stage, why }) => `${stage}: ${why}`);

test("nothing is missing of a user that is everywhere, nor where nobody could be asked", () => {
  expect(why({})).toEqual([]);
  expect(why({ runs: undefined, postgres: undefined, cassandra: undefined, topics: undefined })).toEqual([]);
});

test("a change that is not captured yet is told from one that nothing captures", () => {
  const facts = (slotLagBytes: number | null) => ({
    postgres: { row: user, deletedMs: null, slotLagBytes },
    topics: topics({ changes: [] }),
  });
  expect(why(facts(5120))).toEqual([
    "changes: in no record of partition 1, its key's; slot user_changes is 5120 bytes behind, so it may still come",
  ]);
  expect(why(facts(null))).toEqual([
    "changes: nothing captures changes: PostgreSQL has no replication slot user_changes",
  ]);
});

test("a row that is not stored is late, deleted, or to be looked into", () => {
  const away = { cassandra: null };
  expect(why({ ...away, topics: topics({ nextOf: () => 5n }) })).toEqual([
    "Cassandra: no row: the group group is 37 records behind users 1/41",
  ]);
  expect(why(away)).toEqual([
    expect.stringMatching(/^Cassandra: no row: the group group is past users 1\/41, so it was stored: /),
  ]);
  const deleted: Seen = { ...captured, change: { kind: "delete", id: user.id, writeTimeMicros: writeTimeMicros + 1 } };
  expect(why({ ...away, topics: topics({ changes: [captured, deleted] }) })).toEqual([
    "Cassandra: no row: changes 0/7 deleted it",
  ]);
});

test("a run that did not get further says which task is next, and why", () => {
  const run = (completed: string, ...files: string[]) => ({
    runs: {
      found: [{ run: "run-1", folder: "run-1", completed, traces: tracesOf(...files) }],
      runs: 1,
      sinceMs: 0,
      skipped: 0,
    },
  });
  expect(why(run("format", "raw", "users"))).toEqual([
    "backup: run run-1 has no backed-up.jsonl: backup has not succeeded",
  ]);
  expect(why(run("produce", "raw", "users"))).toEqual([
    "backup: backed-up.jsonl of run run-1 does not have it: it was deleted in PostgreSQL",
  ]);
});

test("what was not read is said, and how to read it", () => {
  const partly = topics({ created: [], looked: [looked("users", 50n), looked("changes", 100n)] });
  expect(why({ topics: partly })).toEqual(["users: in no record around the known times; --thorough reads all of it"]);
});

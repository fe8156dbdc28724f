import { expect, test } from "bun:test";
import { resolveSettings } from "../../runtime/config.ts";
import type { Finding } from "../doctor/finding.ts";
import { openHistory } from "./history.ts";
import { hopsAbout } from "./hops-about.ts";
import type { Look } from "./look.ts";
import { reportOf } from "./report.ts";

const config = resolveSettings({}, "", {}, "config.yaml");
const { topic, editTopic, changeTopic } = config.kafka;
const subject = { config, isNative: true, sourceUrl: "http://127.0.0.1:3001/api/1.4/", isEmbedded: true };

function look(
  atMs: number,
  { read = 10, oldestUnreadMs = 0, ...more }: Partial<Look> & { read?: number; oldestUnreadMs?: number } = {},
): Look {
  const created = { topic, records: 50, written: 50, unread: 50 - read, read, ...(read < 50 && { oldestUnreadMs }) };
  return { atMs, topics: new Map([[topic, created]]), away: new Map(), silent: new Map(), ...more };
}

const hopsAt = (history: ReturnType<typeof openHistory>, nowMs: number, findings: Finding[] = []) => {
  const { hops } = reportOf(subject, history, { findings, atMs: nowMs }, nowMs);
  return (name: string) => hops.find((hop) => hop.name === name)!;
};

test("the consumer stands still since it moved last, and after a while that is an error", () => {
  const history = openHistory();
  history.add(look(1_000, { read: 5 }));
  history.add(look(3_000, { read: 10 }));
  expect(hopsAt(history, 4_000)("consumer")).toMatchObject({ state: "good", behind: { records: 40, seconds: 3 } });
  expect(hopsAt(history, 13_000)("consumer")).toMatchObject({ state: "warn", word: "stands still", sinceMs: 3_000 });
  expect(hopsAt(history, 63_000)("consumer")).toMatchObject({ state: "bad", word: "stands still", sinceMs: 3_000 });
  history.add(look(64_000, { read: 50 }));
  expect(hopsAt(history, 90_000)("consumer")).toMatchObject({ state: "good", behind: { records: 0, seconds: 0 } });
});

test("a service that is away is red with the time since then, and what it depends on keeps its last numbers", () => {
  const history = openHistory();
  history.add(look(1_000, { cassandra: { of: 10, isEstimate: false, countedMs: 1_000 } }));
  history.addAway(new Map([["Cassandra", "nothing listens at 127.0.0.1:9042"]]), 2_000);
  const report = reportOf(subject, history, undefined, 3_000);
  expect(report.hops.find(({ name }) => name === "cassandra")).toMatchObject({
    state: "bad",
    word: "away",
    sinceMs: 2_000,
    count: { of: 10, unit: "rows" },
  });
  expect(report.findings).toMatchObject([
    { about: "Cassandra", cause: "it is away: nothing listens at 127.0.0.1:9042" },
  ]);
});

test("what doctor found before a service came back is not shown", () => {
  const history = openHistory();
  history.add(look(1_000, { read: 50 }));
  const finding: Finding = { severity: "error", about: "Cassandra", cause: "does not work", cure: "Start it" };
  history.addAway(new Map([["Cassandra", "gone"]]), 2_000);
  history.addAway(new Map(), 5_000);
  expect(reportOf(subject, history, { findings: [finding], atMs: 4_000 }, 6_000).findings).toEqual([]);
  expect(hopsAt(history, 6_000, [finding])("cassandra")).toMatchObject({ state: "bad", word: "error" });
});

test("a finding belongs to the hops that it is about", () => {
  const about = (name: string) => hopsAbout({ severity: "error", about: name, cause: "", cure: "" }, config);
  expect(about("Kafka")).toEqual(["created", "edits", "changes", "letters"]);
  expect(about(`topic ${editTopic}, ${changeTopic}`)).toEqual(["edits", "changes"]);
  expect(about("connector postgres-created-users")).toEqual(["capture"]);
  expect(about("replication slot user_changes")).toEqual(["capture"]);
  expect(about("Cassandra's spark_streams.created_users")).toEqual(["cassandra"]);
  expect(about("DAG user_automation")).toEqual(["airflow"]);
  expect(about("this machine")).toEqual([]);
});

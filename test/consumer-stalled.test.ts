import { afterEach, expect, test } from "bun:test";
import { until } from "../runtime/until.ts";
import { type StartedConsumer, startConsumer } from "./faults/consumer.ts";
import { openRecorder, type Recorder } from "./faults/records.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { lagOf } from "./support/kafka.ts";
import { type Link, openLink } from "./support/link.ts";
import { type Names, namesOf } from "./support/names.ts";

const stalledAfterMs = 2_000;
const stuck = /^not ready: topic (\S+), partition \d+: stuck at offset \d+ since \d{4}-\S+Z, and the log ends at \d+$/m;

let names: Names;
let consumer: StartedConsumer;
let recorder: Recorder;

/** Starts a consumer that reaches one service only through a link. */
async function start(what: string, address: string, settingOf: (link: Link) => Record<string, string>) {
  const { hostname, port } = new URL(address);
  const link = await openLink(hostname, Number(port));
  names = namesOf(`stalled-${what}`, { CONSUMER_STALLED_AFTER_MS: String(stalledAfterMs), ...settingOf(link) });
  recorder = await openRecorder(namesOf(`stalled-${what}`, { KAFKA_TOPIC: names.topic, CDC_APPLY: "false" }));
  consumer = startConsumer(names);
  await isReady();
  return link;
}

afterEach(async () => {
  consumer.signal("SIGKILL");
  await recorder.close();
  await dropKeyspace(names.config);
});

const answer = () => consumer.readiness();
const isReady = () => until("it is ready", async () => (await consumer.status("/readyz")) === 200);
const isDrained = () =>
  until("all is stored", async () => (await lagOf(names.config, names.groupId, names.topic)) === 0);

test("when a write hangs, /readyz reports Cassandra, the stuck partition and since when", async () => {
  const link = await start("cassandra", `tcp://${process.env.CASSANDRA_CONTACT_POINTS}`, ({ port }) => ({
    CASSANDRA_CONTACT_POINTS: `127.0.0.1:${port}`,
  }));
  await recorder.sendUsers(100);
  await isDrained();

  link.hold();
  await recorder.sendUsers(100);
  const sent = performance.now();
  expect(await answer()).toMatch(/^not ready: Cassandra does not answer: /);
  const [, topic] =
    stuck.exec(await until("it is stuck", async () => stuck.test(await answer()) && (await answer()))) ?? [];
  expect(topic).toBe(names.topic);
  expect(performance.now() - sent).toBeGreaterThan(stalledAfterMs - 1_000);
  link.release();
  await isReady();
  await isDrained();
});

test("a slice waiting for an unresponsive registry is reported as stuck while Cassandra is up", async () => {
  const registry = new URL(process.env.SCHEMA_REGISTRY_URL ?? "");
  const link = await start("registry", registry.href, ({ port }) => ({
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${port}${registry.pathname}`,
    CONSUMER_STALLED_AFTER_MS: "15000", // so that it can be asked before
  }));
  link.hold();
  await recorder.sendUsers(100);
  expect(await consumer.status("/readyz")).toBe(200); // there is a lag, but only for a short time
  await until("it is stuck", async () => (await consumer.status("/readyz")) === 503);
  expect(await answer()).toMatch(stuck);
  expect(await answer()).not.toContain("Cassandra");
  link.release();
  await isReady();
  await isDrained();
});

test("an idle consumer is ready, and so is one that works on a backlog for longer than the stall limit", async () => {
  const limitMs = 5_000; // on a busy machine, a partition may not move for a second or two
  await start("backlog", `tcp://${process.env.CASSANDRA_CONTACT_POINTS}`, () => ({
    CONSUMER_STALLED_AFTER_MS: String(limitMs),
    CONSUMER_SLICE_ROWS: "1",
    CDC_APPLY: "false",
  }));
  const since = performance.now();
  const stored = () => consumer.metric("consumer_records_total", { outcome: "stored" });
  const answers: string[] = [];
  // More while it works on them, so that even a fast one has a backlog for longer than the limit.
  while (performance.now() - since < limitMs + 1_000 || answers.length <= 10) {
    if (recorder.acknowledged.size - (await stored()) < 2_500) await recorder.sendUsers(5_000);
    answers.push(await answer());
  }
  await until("the backlog is processed", async () => {
    answers.push(await answer());
    return (await stored()) === recorder.acknowledged.size;
  });
  const idleSince = performance.now();
  await until("it was idle for longer than the stall limit", async () => {
    answers.push(await answer());
    return performance.now() - idleSince > limitMs + 1_000;
  });
  expect(answers.filter((each) => stuck.test(each))).toEqual([]);
  expect(answers).toContain("ready\n");
});

// Runs alone: it stops Cassandra, Kafka and the Schema Registry.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { validUsers } from "../../contract/samples.ts";
import { until } from "../../runtime/until.ts";
import { dropKeyspace, readRows } from "../support/cassandra.ts";
import { lagOf, readTopic } from "../support/kafka.ts";
import { expectNothingLost } from "../support/ledger.ts";
import { namesOf } from "../support/names.ts";
import { controlStack } from "../support/stack.ts";
import { type StartedConsumer, startConsumer } from "./consumer.ts";
import { openRecorder, type Recorder } from "./records.ts";

const names = namesOf(import.meta.path);
const { topic, groupId, config } = names;
/** Longer than the group's session. */
const outageMs = 20_000;

let recorder: Recorder;
let consumer: StartedConsumer;
let over = new AbortController();

beforeAll(async () => {
  recorder = await openRecorder(names);
  consumer = startConsumer(names);
  await becomesReady();
});

afterAll(async () => {
  consumer.signal("SIGTERM");
  await consumer.exited;
  await recorder.close();
  await dropKeyspace(config);
});

/** Sends users at a steady rate until the test ends. */
function recordsFlow() {
  over = new AbortController();
  const flow = recorder.flow(Number.POSITIVE_INFINITY, 100, over.signal);
  return async () => {
    over.abort();
    await flow;
  };
}

afterEach(async () => {
  over.abort();
  const stack = await controlStack();
  for (const { name, state } of await stack.states())
    if (["cassandra", "kafka", "schema-registry"].includes(name) && state === "STOPPED") await stack.start(name);
});

const patience = { withinMs: 180_000 }; // services start slowly on a busy machine
const becomesReady = () =>
  until("the consumer is ready", async () => (await consumer.status("/readyz")) === 200, patience);
const lagIsZero = () => until("the lag is 0", async () => (await lagOf(config, groupId, topic)) === 0, patience);

test("with Cassandra stopped for 20 s while records flow, the consumer waits and nothing is lost", async () => {
  const stack = await controlStack();
  const stopFlow = recordsFlow();
  await until(
    "records are stored",
    async () => (await consumer.metric("consumer_records_total", { outcome: "stored" })) > 100,
  );

  await stack.stop("cassandra");
  const since = performance.now();
  await until("the consumer is not ready", async () => (await consumer.status("/readyz")) === 503);
  expect(await consumer.status("/healthz")).toBe(200);
  await until(
    "writes are retried",
    async () => (await consumer.metric("consumer_retries_total", { what: "write" })) > 3,
  );

  // During the outage a consumer can be stopped, and a new one waits for Cassandra.
  consumer.signal("SIGTERM");
  const asked = performance.now();
  expect(await consumer.exited).toBe(0);
  expect(performance.now() - asked).toBeLessThan(10_000);
  consumer = startConsumer(names);
  await until("it logs what it is waiting for", async () =>
    (await consumer.output()).includes('what="prepare Cassandra at'),
  );

  await until("the outage is over", () => performance.now() - since > outageMs, { withinMs: 2 * outageMs });
  await stack.start("cassandra");
  await becomesReady();
  await stopFlow();
  await lagIsZero();
  await expectNothingLost(config, recorder.acknowledged);
});

test("if the broker restarts while records flow, the consumer recovers by itself and nothing is lost", async () => {
  const stack = await controlStack();
  const stopFlow = recordsFlow();
  const before = recorder.acknowledged.size;
  await until("records flow", () => recorder.acknowledged.size > before + 200);

  await stack.stop("kafka");
  await until("the consumer is not ready", async () => (await consumer.status("/readyz")) === 503);
  await stack.start("kafka");
  const restarted = recorder.acknowledged.size;
  await until("records flow again", () => recorder.acknowledged.size > restarted + 200);
  await becomesReady();
  await stopFlow();
  await lagIsZero();
  expect(await consumer.status("/healthz")).toBe(200); // still the same process
  await expectNothingLost(config, recorder.acknowledged);
});

test("while the Schema Registry is down, records with an unknown schema wait for it and none is dead-lettered", async () => {
  const stack = await controlStack();
  await stack.stop("schema-registry");
  // A consumer that has just started knows no schema.
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  consumer = startConsumer(names);
  await becomesReady();
  await recorder.sendUsers(validUsers.length * 100);
  await until("it retries", async () => (await consumer.output()).includes('what="ask the Schema Registry'));
  expect(await lagOf(config, groupId, topic)).toBe(validUsers.length * 100);

  await stack.start("schema-registry");
  await lagIsZero();
  expect(await readTopic(config, names.deadLetterTopic)).toEqual([]);
  expect((await readRows(config)).size).toBe(recorder.acknowledged.size);
  await expectNothingLost(config, recorder.acknowledged);
});

// Runs alone: it kills Connect and restarts PostgreSQL.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../../runtime/until.ts";
import { type Capture, openCapture } from "../support/capture.ts";
import { readTopic } from "../support/kafka.ts";
import { controlStack } from "../support/stack.ts";
import { type StartedConsumer, startConsumer } from "./consumer.ts";
import { newUser } from "./records.ts";

let capture: Capture;
let consumer: StartedConsumer;

beforeAll(async () => {
  capture = await openCapture(import.meta.path);
  consumer = startConsumer(capture);
  await capture.connector.register();
  await until("the consumer is ready", async () => (await consumer.status("/readyz")) === 200);
});

afterAll(async () => {
  consumer.signal("SIGTERM");
  await consumer.exited;
  await capture.close();
});

/** Inserts ten users every 50 ms until `stop`. A failed statement may or may not have been executed. */
async function insertUsers(stop: AbortSignal): Promise<number> {
  let inserted = 0;
  while (!stop.aborted) {
    const users = Array.from({ length: 10 }, newUser);
    await capture.sql`INSERT INTO created_users ${capture.sql(users)}`.then(
      () => (inserted += users.length),
      () => {},
    );
    await Bun.sleep(50);
  }
  return inserted;
}

/** Resolves once the consumer has stored more changes than at the time of the call. */
async function changesArrive() {
  const before = await consumer.metric("consumer_records_total", { topic: capture.changeTopic });
  const arrive = async () => (await consumer.metric("consumer_records_total", { topic: capture.changeTopic })) > before;
  await until("changes arrive", arrive);
}

test("if Connect is killed while rows are inserted, each change arrives once, in transaction order", async () => {
  const stack = await controlStack();
  const stop = new AbortController();
  const inserting = insertUsers(stop.signal);
  for (let kill = 0; kill < 2; kill++) {
    await changesArrive();
    await stack.kill("connect");
  }
  await capture.connector.runs();
  stop.abort();
  const inserted = await inserting;
  await capture.agree();

  const events = (await readTopic(capture.config, capture.changeTopic)).map(({ value }) => JSON.parse(String(value)));
  expect(events.length).toBe(inserted);
  expect(new Set(events.map(({ after }) => after.id)).size).toBe(inserted);
  const orders = Map.groupBy(events, ({ source }) => source.txId).values();
  for (const transaction of orders)
    expect(transaction.map(({ transaction: { total_order } }) => total_order)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("if PostgreSQL restarts while rows are inserted, nothing is lost and the connector recovers by itself", async () => {
  const stack = await controlStack();
  const stop = new AbortController();
  const inserting = insertUsers(stop.signal);
  await stack.stop("postgres");
  await stack.start("postgres");
  await capture.connector.runs();
  await changesArrive();
  stop.abort();
  expect(await inserting).toBeGreaterThan(0);
  await capture.agree();
});

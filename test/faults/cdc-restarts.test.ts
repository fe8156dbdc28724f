import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Capture, openCapture } from "../support/capture.ts";
import { readTopic } from "../support/kafka.ts";
import { controlStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { type StartedConsumer, startConsumer } from "./consumer.ts";
import { newUser } from "./records.ts";

setDefaultTimeout(300_000);

let capture: Capture;
let consumer: StartedConsumer;

beforeAll(async () => {
  capture = await openCapture(import.meta.path);
  consumer = startConsumer(capture);
  await capture.connector.register();
});

afterAll(async () => {
  consumer.signal("SIGTERM");
  await consumer.exited;
  await capture.close();
});

/** Inserts users, ten a statement, until `stop`; a statement that fails is left to PostgreSQL to have done or not. */
async function insertUsers(stop: AbortSignal): Promise<number> {
  let inserted = 0;
  while (!stop.aborted) {
    const users = Array.from({ length: 10 }, newUser);
    await capture.sql`INSERT INTO created_users ${capture.sql(users)}`.then(
      () => (inserted += users.length),
      () => Bun.sleep(100),
    );
  }
  return inserted;
}

test("Connect killed while rows are inserted: each change arrives once, in the order of its transaction", async () => {
  const stack = await controlStack();
  const stop = new AbortController();
  const inserting = insertUsers(stop.signal);
  for (let kill = 0; kill < 2; kill++) {
    const before = (await readTopic(capture.config, capture.changeTopic)).length;
    const moves = async () => (await readTopic(capture.config, capture.changeTopic)).length > before;
    await until("changes arrive", moves, { withinMs: 120_000 });
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

test("PostgreSQL restarted while rows are inserted: nothing is lost, and the connector goes on by itself", async () => {
  const stack = await controlStack();
  const stop = new AbortController();
  const inserting = insertUsers(stop.signal);
  await stack.stop("postgres");
  await stack.start("postgres");
  const known = new Set((await readTopic(capture.config, capture.changeTopic)).map(({ key }) => key));
  const moves = async () => (await readTopic(capture.config, capture.changeTopic)).some(({ key }) => !known.has(key));
  await until("changes arrive again", moves, { withinMs: 120_000 });
  stop.abort();
  expect(await inserting).toBeGreaterThan(0);
  await capture.agree();
});

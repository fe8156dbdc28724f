// Runs alone: it kills Connect and Cassandra.
import { expect, setDefaultTimeout, test } from "bun:test";
import type { Postgres } from "../../runtime/postgres.ts";
import { until } from "../../runtime/until.ts";
import { openCapture } from "../support/capture.ts";
import { readTopic } from "../support/kafka.ts";
import { controlStack } from "../support/stack.ts";
import { startConsumer } from "./consumer.ts";
import { newUser } from "./records.ts";

setDefaultTimeout(900_000);

const operations = 20_000;
const writers = 4;
/** Keys per writer; few, so that the same rows change repeatedly. */
const keys = 250;

/** Random numbers below `limit` from a seed that the test prints (mulberry32). */
function random(seed: number) {
  let state = seed;
  return (limit: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

/** Executes random operations on keys of its own, so that no writer waits for another. */
function writerOf(sql: Postgres, pick: (limit: number) => number) {
  const ids = Array.from({ length: keys }, () => crypto.randomUUID());
  const some = () => ids[pick(keys)]!;
  const insert = (on: Postgres, id: string) =>
    on`INSERT INTO created_users ${on({ ...newUser(), id })} ON CONFLICT (id) DO NOTHING`;
  const update = (on: Postgres, id: string) =>
    on`UPDATE created_users SET last_name = ${`name ${pick(1_000_000)}`} WHERE id = ${id}`;
  return async (count: number) => {
    for (let done = 0; done < count; done++) {
      const id = some();
      switch (pick(9)) {
        case 0:
        case 1:
        case 2:
          await insert(sql, id); // also of deleted keys
          break;
        case 3:
          await update(sql, id);
          break;
        case 4: {
          const several = Array.from({ length: 5 }, some);
          await sql`UPDATE created_users SET username = ${`user ${pick(1_000_000)}`} WHERE id IN ${sql(several)}`;
          break;
        }
        case 5:
          await sql.begin(async (transaction) => {
            await update(transaction as unknown as Postgres, id);
            await update(transaction as unknown as Postgres, id);
          });
          break;
        case 6:
          await sql`UPDATE created_users SET phone = NULL, dob = NULL WHERE id = ${id}`;
          break;
        case 7:
          await sql`UPDATE created_users SET id = ${some()} WHERE id = ${id}`.catch((error) => {
            if (error.code !== "23505") throw error; // the other key is taken
          });
          break;
        default:
          await sql`DELETE FROM created_users WHERE id = ${id}`;
      }
    }
  };
}

test("after 20,000 random operations while Connect, the consumer and Cassandra are killed in turn, both tables are equal", async () => {
  const stack = await controlStack();
  const capture = await openCapture(import.meta.path, {
    CONSUMER_SESSION_TIMEOUT_MS: "6000",
    CONSUMER_SLICE_ROWS: "250",
  });
  await capture.connector.register();
  let consumer = startConsumer(capture);
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);

  const moves = async () => {
    const count = () => consumer.metric("consumer_records_total", { topic: capture.changeTopic });
    const before = await until("the consumer is running", async () => ({ records: await count() }));
    const stores = async () => (await count()) > before.records;
    await until("changes are read", stores, { withinMs: 300_000, everyMs: 50 });
  };
  const kills = [
    () => stack.kill("connect"),
    async () => {
      consumer.signal("SIGKILL");
      expect(await consumer.exited).toBe(137);
      consumer = startConsumer(capture);
    },
    () => stack.kill("cassandra"),
    () => stack.kill("connect"),
    async () => {
      consumer.signal("SIGKILL");
      expect(await consumer.exited).toBe(137);
      consumer = startConsumer(capture);
    },
  ];
  const hands = Array.from({ length: writers }, (_, writer) => writerOf(capture.sql, random(seed + writer)));
  for (const kill of kills) {
    const writing = Promise.all(hands.map((write) => write(operations / writers / kills.length)));
    await moves();
    await kill();
    await writing;
  }
  await capture.agree(300_000);

  // Everything was applied, and nothing was dead-lettered.
  expect(await readTopic(capture.config, capture.deadLetterTopic)).toEqual([]);
  const kinds = new Set(
    (await readTopic(capture.config, capture.changeTopic)).map(({ value }) =>
      value ? JSON.parse(String(value)).op : null,
    ),
  );
  expect(kinds).toEqual(new Set(["c", "u", "d", null]));
  consumer.signal("SIGTERM");
  await consumer.exited;
  await capture.close();
});

// Runs in turn: it uses the stack's connector.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { validUsers } from "../contract/samples.ts";
import { columnArrays, upsertSql, userOf } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { httpAccess } from "../runtime/http-access.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";
import { captureOf, registerConnector } from "../stack/change-capture.ts";
import { openInstance, project } from "../stack/instance.ts";
import { type StartedConsumer, startConsumer } from "./faults/consumer.ts";
import { type Capture, openCapture } from "./support/capture.ts";
import { readRows, withCassandra } from "./support/cassandra.ts";
import { readTopic } from "./support/kafka.ts";
import { grantPrograms } from "./support/secure-stack.ts";

let capture: Capture;
let consumer: StartedConsumer;

const userWith = (more: Partial<User> = {}): User => ({ ...(validUsers[0] as User), id: crypto.randomUUID(), ...more });

beforeAll(async () => {
  capture = await openCapture(import.meta.path, { CDC_IGNORED_COLUMNS: "nick" });
  // Two rows exist before the connector: one unchanged, one edited.
  await capture.sql`INSERT INTO created_users ${capture.sql(validUsers[0]!)}`;
  await capture.sql`INSERT INTO created_users ${capture.sql(validUsers[1]!)}`;
  await capture.sql`UPDATE created_users SET last_name = 'Before' WHERE id = ${validUsers[1]!.id}`;
  consumer = startConsumer(capture);
  await capture.connector.register();
});

afterAll(async () => {
  consumer.signal("SIGTERM");
  await consumer.exited;
  await capture.close();
});

describe("changes in PostgreSQL reach Cassandra", () => {
  test("rows that existed before the connector was registered", () => capture.agree());

  test("an insert, an update, an update to NULL, a delete, and the same key again", async () => {
    const { sql, agree } = capture;
    const user = userWith();
    await sql`INSERT INTO created_users ${sql(user)}`;
    await agree();
    await sql`UPDATE created_users SET last_name = 'Ó Ceallaigh', phone = NULL WHERE id = ${user.id}`;
    await agree();
    expect((await readRows(capture.config)).get(user.id)).toMatchObject({ last_name: "Ó Ceallaigh", phone: null });
    await sql`DELETE FROM created_users WHERE id = ${user.id}`;
    await agree();
    await sql`INSERT INTO created_users ${sql({ ...user, last_name: "Again" })}`;
    await agree();
    expect((await readRows(capture.config)).get(user.id)?.last_name).toBe("Again");
  });

  test("two updates in one transaction, and a delete and an insert in one", async () => {
    const { sql, agree } = capture;
    const [one, other] = [userWith(), userWith()];
    await sql`INSERT INTO created_users ${sql([one, other])}`;
    await sql.begin(async (transaction) => {
      await transaction`UPDATE created_users SET last_name = 'First' WHERE id = ${one.id}`;
      await transaction`UPDATE created_users SET last_name = 'Second' WHERE id = ${one.id}`;
      await transaction`DELETE FROM created_users WHERE id = ${other.id}`;
      await transaction`INSERT INTO created_users ${transaction({ ...other, last_name: "Reborn" })}`;
    });
    await agree();
    expect((await readRows(capture.config)).get(one.id)?.last_name).toBe("Second");
  });

  test("a changed primary key leaves no row under the old one", async () => {
    const { sql, agree } = capture;
    const user = userWith();
    await sql`INSERT INTO created_users ${sql(user)}`;
    await agree();
    const id = crypto.randomUUID();
    await sql`UPDATE created_users SET id = ${id} WHERE id = ${user.id}`;
    await agree();
    const rows = await readRows(capture.config);
    expect([rows.has(user.id), rows.has(id)]).toEqual([false, true]);
  });

  test("5,000 rows in one statement, and an edit of one of them right after", async () => {
    const { sql, agree } = capture;
    const users = Array.from({ length: 5_000 }, (_, index) => userWith({ last_name: `Row ${index}` }));
    await sql.unsafe(upsertSql, columnArrays(users) as never);
    await sql`UPDATE created_users SET last_name = 'Bulk' WHERE last_name LIKE 'Row %'`;
    await sql`UPDATE created_users SET last_name = 'Edited' WHERE id = ${users.at(-1)!.id}`;
    await agree();
    expect((await readRows(capture.config)).get(users.at(-1)!.id)?.last_name).toBe("Edited");
  });

  test("TRUNCATE deletes every row, and rows inserted after it stay", async () => {
    const { sql, agree } = capture;
    await sql`INSERT INTO created_users ${sql(userWith())}`;
    const [before] = await sql`SELECT count(*)::int AS rows FROM created_users`;
    await sql`TRUNCATE created_users`;
    const [deleted] =
      await sql`SELECT count(*)::int AS rows FROM created_users_deleted WHERE deleted_at = (SELECT max(deleted_at) FROM created_users_deleted)`;
    expect(deleted).toEqual(before);
    await sql`INSERT INTO created_users ${sql(userWith({ last_name: "After" }))}`;
    await agree();
    expect((await readRows(capture.config)).size).toBe(1);
  });
});

test("an edit is timestamped with its time unless it sets the timestamp itself", async () => {
  const { sql } = capture;
  const user = userWith();
  await sql`INSERT INTO created_users ${sql(user)}`;
  const before = Date.now();
  const [edited] = await sql`UPDATE created_users SET phone = '1' WHERE id = ${user.id} RETURNING *`;
  expect(Date.parse(userOf(edited!).timestamp)).toBeGreaterThanOrEqual(before);
  const [dated] = await sql`
    UPDATE created_users SET "timestamp" = '2026-03-01T00:00:00Z' WHERE id = ${user.id} RETURNING *`;
  expect(userOf(dated!).timestamp).toBe("2026-03-01T00:00:00.000Z");
  await capture.agree();
});

test("an unchanged large value is kept when another column changes", async () => {
  const { sql, agree } = capture;
  const random = (length: number) =>
    Array.from({ length }, () => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000))).join("");
  const user = userWith({ picture: `https://example.com/${random(1_980)}`, address: random(1_000) });
  await sql`INSERT INTO created_users ${sql(user)}`;
  await sql`UPDATE created_users SET phone = NULL WHERE id = ${user.id}`;
  await agree();
  expect((await readRows(capture.config)).get(user.id)).toMatchObject({ picture: user.picture, phone: null });
});

test("an ignored column is counted, and the rest of the row is stored", async () => {
  const { sql, agree } = capture;
  const user = userWith();
  await sql`ALTER TABLE created_users ADD COLUMN nick text`;
  await sql`INSERT INTO created_users ${sql({ ...user, nick: "Ray" } as never)}`;
  await sql`UPDATE created_users SET last_name = 'Altered' WHERE id = ${user.id}`;
  await until(
    "the change is stored",
    async () => (await readRows(capture.config)).get(user.id)?.last_name === "Altered",
  );
  expect(await consumer.metric("consumer_unknown_columns_total", { column: "nick" })).toBeGreaterThanOrEqual(2);
  await sql`ALTER TABLE created_users DROP COLUMN nick`;
  await sql`UPDATE created_users SET last_name = 'As before' WHERE id = ${user.id}`;
  await agree();
});

test("a value of 1 MB goes to the dead-letter topic, and the row's next change is stored", async () => {
  const { sql, agree, connector } = capture;
  const user = userWith();
  await sql`INSERT INTO created_users ${sql(user)}`;
  await agree();
  await sql`UPDATE created_users SET phone = ${"0".repeat(1_048_576)} WHERE id = ${user.id}`;
  const letter = await until("the dead letter", async () =>
    (await readTopic(capture.config, capture.deadLetterTopic)).find(({ key }) => key?.includes(user.id)),
  );
  expect(letter.headers).toMatchObject({
    "__connect.errors.topic": capture.changeTopic,
    "__connect.errors.exception.class.name": "invalid_user",
  });
  expect(letter.headers["__connect.errors.exception.message"]).toStartWith("phone: ");
  expect((await readRows(capture.config)).get(user.id)?.phone).toBe(user.phone);
  await sql`UPDATE created_users SET phone = '021-892-1751' WHERE id = ${user.id}`;
  await agree();
  expect((await connector.task()).state).toBe("RUNNING");
});

test("the latency from commit to stored is measured, and every record is accounted for", async () => {
  const records = (await readTopic(capture.config, capture.changeTopic)).length;
  const seen = () => consumer.metric("consumer_records_total", { topic: capture.changeTopic });
  await until("every record is accounted for", async () => (await seen()) === records);
  const count = await consumer.metric("consumer_committed_to_stored_seconds_count");
  const stored = await consumer.metric("consumer_records_total", { topic: capture.changeTopic, outcome: "stored" });
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThanOrEqual(stored);
  await until(
    "the lag is 0",
    async () => (await consumer.metric("consumer_lag_records", { topic: capture.changeTopic })) === 0,
  );
});

test("with cdc.apply false the consumer does not read the topic", async () => {
  const env = { ...capture.env, CDC_APPLY: "false", CONSUMER_GROUP_ID: "cdc-idle" };
  await grantPrograms(loadConfig(env));
  const idle = startConsumer({ env });
  await until("it is ready", async () => (await idle.status("/readyz")) === 200);
  expect(await idle.metric("consumer_records_total", { topic: capture.changeTopic })).toBe(0);
  idle.signal("SIGTERM");
  expect(await idle.exited).toBe(0);
});

test("a connector that is deleted and registered again continues where it stopped", async () => {
  const { sql, agree, connector } = capture;
  await connector.remove();
  const user = userWith({ last_name: "In between" });
  await sql`INSERT INTO created_users ${sql(user)}`;
  await connector.register();
  await agree();
  expect((await readRows(capture.config)).has(user.id)).toBe(true);
});

test("if the slot is dropped, the task fails with a remedy that fixes it and keeps edits made through the API", async () => {
  const { sql, agree, connector, slot, superuser, config } = capture;
  const [edited, inPostgres] = [userWith(), userWith()];
  await sql`INSERT INTO created_users ${sql([edited, inPostgres])}`;
  await agree();
  await connector.put("stop");
  // For a moment it may still be in use.
  await until(
    "the slot is dropped",
    async () => (await superuser`SELECT pg_drop_replication_slot(${slot})`).count === 1,
  );
  await sql`UPDATE created_users SET last_name = 'In the gap' WHERE id = ${inPostgres.id}`;
  await withCassandra(config, (client) =>
    client.execute(`UPDATE ${config.cassandra.keyspace}.created_users SET last_name = 'Through the API' WHERE id = ?`, [
      edited.id,
    ]),
  );
  await connector.put("resume");
  const task = await until("the task has failed", async () => {
    const now = await connector.task();
    return now.state === "FAILED" && now;
  });
  expect(task.reason).toContain("no longer available on the server");
  expect(task.remedy).toContain(
    `${connector.curl} -X PUT ${connector.url}/stop && ${connector.curl} -X DELETE ${connector.url}/offsets`,
  );

  for (const step of [() => connector.put("stop"), connector.deleteOffsets, () => connector.put("resume")])
    await step();
  await connector.runs();
  const last = await until("the edit of the gap", async () => {
    const rows = await readRows(config);
    return rows.get(inPostgres.id)?.last_name === "In the gap" && rows;
  });
  expect(last.get(edited.id)?.last_name).toBe("Through the API");
  await sql`UPDATE created_users SET last_name = 'Later' WHERE id = ${edited.id}`;
  await agree();
});

/** Kafka Connect's REST API. */
function ask(url: string, init?: RequestInit) {
  const { headers, tls } = httpAccess(capture.config.connect);
  return fetch(url, { ...init, headers: { ...headers, ...(init?.headers as object) }, ...(tls && { tls }) });
}

test("posting postgres-connector.json creates the connector, and posting it again conflicts", async () => {
  const connect = new URL("/connectors/", capture.connector.url).href;
  const { name } = (await Bun.file(join(project, "postgres-connector.json")).json()) as { name: string };
  await ask(`${connect}${name}`, { method: "DELETE" });
  // The same request as the README's curl line, without requiring curl.
  const headers = { accept: "application/json", "content-type": "application/json" };
  const body = await Bun.file(join(project, "postgres-connector.json")).text();
  const register = async () => (await ask(connect, { method: "POST", headers, body })).status;
  await until("it is accepted", async () => (await register()) === 201, { everyMs: 1_000 });
  expect(await register()).toBe(409);
  await until("its task runs", async () => {
    const status = (await (await ask(`${connect}${name}/status`)).json()) as { tasks: { state: string }[] };
    return status.tasks[0]?.state === "RUNNING";
  });
});

test("a connector from an earlier postgres-connector.json is updated to the current one", async () => {
  const { name, config } = await Bun.file(join(project, "postgres-connector.json")).json();
  const url = new URL(`/connectors/${name}/config`, capture.connector.url).href;
  const earlier = JSON.stringify({ ...config, "poll.interval.ms": "21" });
  const headers = { "content-type": "application/json" };
  await until(
    "the earlier connector is there",
    async () => (await ask(url, { method: "PUT", headers, body: earlier })).ok,
  );
  expect(await registerConnector(await openInstance(), new AbortController().signal)).toMatchObject({
    task: "RUNNING",
  });
  expect(await (await ask(url)).json()).toEqual({ name, ...config });
});

test("the state of the stack's change capture has the connector, the task, the slot and the lag", async () => {
  const sql = openPostgres(loadConfig().postgres, 1);
  await sql.unsafe(upsertSql, columnArrays([userWith()]) as never);
  await sql.end();
  const instance = await openInstance();
  const state = await until("nothing is left to apply", async () => {
    const now = await captureOf(instance);
    if (now.topicLagRecords !== 0) throw new Error(JSON.stringify(now));
    return now;
  });
  expect(state).toMatchObject({ connector: "RUNNING", task: "RUNNING", failure: null });
  expect(state.slotLagBytes).toBeGreaterThanOrEqual(0);
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { table, valueSubject } from "../contract/entity.ts";
import { validUsers } from "../contract/samples.ts";
import { createCql, createSql, deletedTable, indexes } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { editSchema } from "../contract/user-edits.ts";
import { createTopicsOnce } from "../runtime/kafka/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { startApi } from "./support/api.ts";
import { dropKeyspace, readRows, withCassandra } from "./support/cassandra.ts";
import { expectNothingLost } from "./support/ledger.ts";
import { type Names, namesOf } from "./support/names.ts";
import { type StartedProgram, startProgram } from "./support/program.ts";

/** A keyspace and a PostgreSQL schema of a test's own. */
interface Stores extends Names {
  sql: ReturnType<typeof openPostgres>;
}

const opened: Stores[] = [];
const started: Pick<StartedProgram, "signal" | "exited">[] = [];
let stores: Stores;

async function openStores() {
  const names = namesOf(import.meta.path, { KAFKA_PARTITIONS: "1" });
  const url = `${names.config.postgres.url}?search_path=${names.keyspace}`;
  const sql = openPostgres(url, 4);
  await sql.unsafe(`CREATE SCHEMA ${names.keyspace}`);
  const env = { ...names.env, POSTGRES_URL: url };
  stores = { ...names, env, sql };
  opened.push(stores);
}

/** Retries for half a minute, meanwhile the other tests run. */
let unanswered: StartedProgram;
beforeAll(async () => {
  await openStores();
  await createTables();
  const away = { ...stores.env, POSTGRES_URL: "postgres://users:x@127.0.0.1:1/users" };
  unanswered = startProgram("operate/main.ts", ["migrate"], away);
});
beforeEach(openStores);
afterEach(async () => {
  for (const program of started.splice(0)) program.signal("SIGKILL");
});
afterAll(async () => {
  for (const { sql, keyspace, config } of opened) {
    await sql.unsafe(`DROP SCHEMA ${keyspace} CASCADE`);
    await sql.end();
    await dropKeyspace(config);
  }
});

const start = (file: string, args: string[] = [], more: Record<string, string> = {}) => {
  const program = startProgram(file, args, { ...stores.env, ...more });
  started.push(program);
  return program;
};

async function run(file: string, args: string[] = [], more: Record<string, string> = {}) {
  const program = start(file, args, more);
  return { code: await program.exited, output: await program.output() };
}
const migrate = (...args: string[]) => run("operate/main.ts", ["migrate", ...args]);
/** The command's own judgement, one table each: PostgreSQL's and Cassandra's. */
async function reports() {
  const { code, output } = await migrate("--json");
  const { tables } = JSON.parse(output.trim().split("\n").at(-1)!);
  const shown = tables.map(({ store, added, missing, refused, unknown }: Record<string, { what: string }[]>) => ({
    store,
    added: added?.map(({ what }) => what),
    missing: missing?.map(({ what }) => what),
    refused,
    unknown,
  }));
  return { code, postgres: shown[0], cassandra: shown[1] };
}

const cql = (...statements: string[]) =>
  withCassandra(stores.config, async (client) => {
    for (const statement of statements) await client.execute(statement, [], { prepare: false });
  });
/** Creates what is no table: the topics, and the subject of edits. */
async function prepareTopics() {
  const { config } = stores;
  await createTopicsOnce(openKafka(config, "test", openLog("test", "error")), config);
  await openRegistry(config.schemaRegistry).register(valueSubject(config.kafka.editTopic), editSchema);
}

/** Creates the tables as an earlier contract had them. */
async function createTables(change: (statement: string) => string = (statement) => statement) {
  await stores.sql.unsafe(change(createSql));
  await cql(...createCql(stores.keyspace, stores.config.cassandra.localDataCenter, 1).map(change));
}
const withoutPicture = (statement: string) => statement.replace("  picture text,\n", "");
const columns = async () => ({
  postgres: (
    await stores.sql.unsafe(
      "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
      [table],
    )
  ).map(({ attname }) => attname),
  cassandra: await withCassandra(stores.config, async (client) =>
    (
      await client.execute("SELECT column_name FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?", [
        stores.keyspace,
        table,
      ])
    ).rows.map(({ column_name }) => column_name),
  ),
});
const nothing = { added: [], missing: [], refused: [], unknown: [] };
const users = validUsers.map((user): User => ({ ...user, id: crypto.randomUUID() }));
const backup = (more: Record<string, string> = {}) => {
  const input = `${stores.env.STACK_DIR}/logs/tests/${stores.keyspace}.jsonl`;
  return Bun.write(input, users.map((user) => `${JSON.stringify(user)}\n`).join("")).then(() =>
    run("tasks/main.ts", ["backup", "--input", input], more),
  );
};

test("empty databases are filled, a second run changes nothing, and an old table gets what it lacks", async () => {
  const first = await migrate();
  expect(first.code).toBe(0);
  expect(first.output).toContain("table created_users");
  expect(first.output).toContain("Roll out in this order:\n  1. the tables");
  expect(await reports()).toMatchObject({ code: 0, postgres: nothing, cassandra: nothing });

  await stores.sql.unsafe(`ALTER TABLE ${table} DROP COLUMN picture, DROP COLUMN dob, ADD COLUMN nick text`);
  await cql(
    `ALTER TABLE ${stores.keyspace}.${table} DROP (picture, dob)`,
    `ALTER TABLE ${stores.keyspace}.${table} ADD nick text`,
    `DROP INDEX ${stores.keyspace}.${table}_first_name`,
    `DROP INDEX ${stores.keyspace}.${table}_email`,
  );
  const check = await migrate("--check");
  expect(check.code).toBe(1);
  expect(check.output).toContain("ALTER TABLE created_users ADD COLUMN IF NOT EXISTS picture text;");
  expect((await columns()).postgres).not.toContain("picture");

  const added = ["column dob timestamp", "column picture text"];
  expect(await reports()).toMatchObject({
    code: 0,
    postgres: { added: [expect.stringContaining(added[0]!), added[1]], missing: [], unknown: ["nick"] },
    cassandra: {
      added: [...added, "index created_users_first_name", "index created_users_email"],
      missing: [],
      unknown: ["nick"],
    },
  });
  expect(await columns()).toEqual({
    postgres: expect.arrayContaining(["picture", "dob", "nick"]),
    cassandra: expect.arrayContaining(["picture", "dob", "nick"]),
  });
  expect((await backup()).code).toBe(0);

  await stores.sql.unsafe(`DROP TABLE ${table}, ${deletedTable}`);
  await cql(`DROP TABLE ${stores.keyspace}.${table}`);
  expect(await reports()).toMatchObject({
    code: 0,
    postgres: { added: ["table created_users"] },
    cassandra: { added: ["table created_users", ...indexes.map(({ name }) => `index ${name}`)] },
  });
  await stores.sql.unsafe(`DROP TABLE ${deletedTable}`);
  expect(await reports()).toMatchObject({
    postgres: { added: ["tracking of deletions in created_users_deleted"] },
    cassandra: nothing,
  });
});

test("another type, a missing required column and NOT NULL are refused, and nothing is changed", async () => {
  await createTables((statement) =>
    withoutPicture(statement)
      .replace("dob timestamptz", "dob text")
      .replace("dob timestamp", "dob text")
      .replace("  email text NOT NULL,\n", "")
      .replace("  email text,\n", "")
      .replace("phone text", "phone text NOT NULL"),
  ).catch(() => {}); // Cassandra knows no NOT NULL
  const [keyspaceCql, tableCql] = createCql(stores.keyspace, stores.config.cassandra.localDataCenter, 1);
  await cql(keyspaceCql, withoutPicture(tableCql).replace("dob timestamp", "dob text").replace("  email text,\n", ""));
  const before = await columns();
  const { code, output } = await migrate();
  expect(code).toBe(1);
  for (const sentence of [
    "created_users.dob is text, and the contract has timestamp with time zone",
    `${stores.keyspace}.created_users.dob is text, and the contract has timestamp;`,
    "created_users has no column email text, and a required one cannot be added to existing rows; make the field nullable",
    "`ALTER TABLE created_users ALTER COLUMN phone DROP NOT NULL`",
  ])
    expect(output).toContain(sentence);
  expect(await columns()).toEqual(before);

  const refused = await backup();
  expect(refused.code).toBe(2);
  expect(refused.output).toContain("created_users.dob is text, and the contract has timestamp with time zone");
  expect(refused.output).not.toContain("POSTGRES_URL");
});

test("without a URL it is the native stack's PostgreSQL, with the stack's password", async () => {
  await createTables();
  const { code, output } = await run("operate/main.ts", ["migrate", "--check"], { POSTGRES_URL: "" });
  expect(output).toMatch(/PostgreSQL created_users .*up to date/);
  expect(code).toBe(0);
});

test("several programs migrate at the same time", async () => {
  for (const prepare of [async () => {}, () => columnsAway()]) {
    await prepare();
    const all = await Promise.all([migrate(), migrate(), backup(), backup()]);
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(await reports()).toMatchObject({ code: 0, postgres: nothing, cassandra: nothing });
  }
  async function columnsAway() {
    await stores.sql.unsafe(`ALTER TABLE ${table} DROP COLUMN picture, DROP COLUMN dob`);
    await cql(`ALTER TABLE ${stores.keyspace}.${table} DROP (picture, dob)`);
  }
});

test("a long reader delays a migration, which delays no other reader for long, and may be killed on the way", async () => {
  await createTables(withoutPicture);
  const reader = await stores.sql.reserve();
  await reader.unsafe(`BEGIN; SELECT FROM ${table}`);
  const first = start("operate/main.ts", ["migrate"]);
  const waiting = `SELECT FROM pg_locks WHERE relation = '${stores.keyspace}.${table}'::regclass AND NOT granted`;
  await until("it waits for its lock", async () => (await stores.sql.unsafe(waiting)).length > 0, { everyMs: 20 });
  const begin = performance.now();
  await stores.sql.unsafe(`SELECT FROM ${table}`);
  expect(performance.now() - begin).toBeLessThan(3_000);
  await until("it says who holds the lock", async () =>
    (await first.output()).includes("created_users is locked by process"),
  );
  first.signal("SIGKILL");
  await first.exited;
  expect((await columns()).postgres).not.toContain("picture");

  const second = start("operate/main.ts", ["migrate"]);
  await until("it waits for its lock", async () => (await stores.sql.unsafe(waiting)).length > 0, { everyMs: 20 });
  await reader.unsafe("COMMIT");
  reader.release();
  expect(await second.exited).toBe(0);
  expect((await columns()).postgres).toContain("picture");
  expect(await reports()).toMatchObject({ code: 0, postgres: nothing, cassandra: nothing });
});

test("programs bring an old table up to date at their start", async () => {
  await createTables((statement) => withoutPicture(statement).replace("  dob timestamptz,\n", ""));
  expect((await backup()).code).toBe(0);
  expect((await columns()).postgres).toEqual(expect.arrayContaining(["picture", "dob"]));
  const recorder = await openRecorder(stores);
  await recorder.sendUsers(20);
  const consumer = startConsumer(stores);
  started.push(consumer);
  await until("it is ready", async () => (await consumer.status("/readyz")) === 200);
  await until("all are stored", async () => (await readRows(stores.config)).size === 20);
  await until("all are committed", () => expectNothingLost(stores.config, recorder.acknowledged).then(() => true));
  expect(await consumer.output()).toContain('msg="schema changed"');

  await cql(`ALTER TABLE ${stores.keyspace}.${table} DROP picture`);
  const api = await startApi(stores.env);
  started.push(api);
  await until("the API is ready", async () => (await fetch(`${api.url}/readyz`)).status === 200);
  // A column that is dropped while it runs, too.
  await cql(`ALTER TABLE ${stores.keyspace}.${table} DROP picture`);
  await until("the API is ready", async () => (await fetch(`${api.url}/first-five`)).status === 200);
  expect((await columns()).cassandra).toContain("picture");
  await recorder.close();
});

test("without manageSchema no program changes a table: each says what is missing", async () => {
  await createTables(withoutPicture);
  const before = await columns();
  const more = { MANAGE_SCHEMA: "false" };
  const refused = await backup(more);
  expect(refused.code).toBe(2);
  expect(refused.output).toContain(
    "column picture text is missing: ALTER TABLE created_users ADD COLUMN IF NOT EXISTS picture text;",
  );

  const missing = `column picture text is missing: ALTER TABLE ${stores.keyspace}.created_users ADD IF NOT EXISTS picture text;`;
  const consumer = startConsumer({ ...stores, env: { ...stores.env, ...more } });
  const api = await startApi({ ...stores.env, ...more });
  started.push(consumer, api);
  await until("the consumer names it", async () => (await consumer.readiness()).includes(missing));
  await until("the consumer names a topic", async () =>
    (await consumer.readiness()).includes(`topic ${stores.topic},`),
  );
  expect(await consumer.status("/readyz")).toBe(503);
  const answer = async (path: string) => {
    const response = await fetch(api.url + path);
    return { status: response.status, detail: ((await response.json()) as { detail?: string }).detail };
  };
  await until("the API names it", async () => (await answer("/readyz")).detail?.includes(missing));
  expect(await answer("/first-five")).toMatchObject({ status: 503, detail: expect.stringContaining(missing) });
  expect(await columns()).toEqual(before);

  // An administrator does.
  expect((await migrate()).code).toBe(0);
  await prepareTopics();
  await until("the consumer is ready", async () => (await consumer.status("/readyz")) === 200);
  await until("the API is ready", async () => (await answer("/first-five")).status === 200);
  expect((await backup(more)).code).toBe(0);
});

test("without manageSchema an empty Cassandra stays empty", async () => {
  const consumer = startConsumer({ ...stores, env: { ...stores.env, MANAGE_SCHEMA: "false" } });
  started.push(consumer);
  await until("the consumer names it", async () =>
    (await consumer.readiness()).includes("table created_users is missing"),
  );
  expect((await columns()).cassandra).toEqual([]);
});

test("a column that is not in the contract stops no program", async () => {
  await createTables((statement) => statement.replace("picture text", "picture text, nick text"));
  const stored = await backup();
  expect(stored.code).toBe(0);
  expect(stored.output.match(/this version does not know.*nick/g)).toHaveLength(1);
  const consumer = startConsumer(stores);
  started.push(consumer);
  await until("it is ready", async () => (await consumer.status("/readyz")) === 200);
  expect((await consumer.output()).match(/this version does not know.*nick/g)).toHaveLength(1);
});

test("a server that does not answer, and a wrong flag, end with exit code 2", async () => {
  expect((await migrate("--chekc")).code).toBe(2);
  expect(await migrate("--help")).toMatchObject({ code: 0, output: expect.stringContaining("Exit codes") });
  expect(await unanswered.exited).toBe(2);
  expect(await unanswered.output()).toContain("PostgreSQL at 127.0.0.1:1: ");
  expect(await unanswered.output()).toMatch(/Cassandra \S+created_users .*up to date/);
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { table } from "../contract/entity.ts";
import { userOf } from "../contract/tables.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { project } from "../stack/instance.ts";
import { type StartedConsumer, startConsumer } from "./faults/consumer.ts";
import { type StartedApi, startApi } from "./support/api.ts";
import { type Capture, openCapture } from "./support/capture.ts";
import { withCassandra } from "./support/cassandra.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { openNewerContract } from "./support/newer-contract.ts";
import { type StartedProgram, startProgram } from "./support/program.ts";
import type { ProjectCopy } from "./support/project-copy.ts";

setDefaultTimeout(900_000);

let newer: ProjectCopy;
let capture: Capture;
let env: Record<string, string>;
const started: StartedProgram[] = [];

beforeAll(async () => {
  newer = await openNewerContract();
});
afterAll(() => newer.close());
beforeEach(async () => {
  capture = await openCapture(import.meta.path, { KAFKA_PARTITIONS: "2" });
  env = { ...capture.env, POSTGRES_URL: capture.url };
});
afterEach(() => {
  for (const program of started.splice(0)) program.signal("SIGKILL");
});

const oldVersion = () => project;
const newVersion = () => newer.folder;

function consume(folder: string): StartedConsumer {
  const consumer = startConsumer({ env }, folder);
  started.push(consumer);
  return consumer;
}
async function serve(folder: string): Promise<StartedApi> {
  const api = await startApi(env, undefined, folder);
  started.push(api);
  await until("the API is ready", async () => (await fetch(`${api.url}/readyz`)).status === 200);
  return api;
}
async function stop(program: StartedProgram) {
  program.signal("SIGTERM");
  expect(await program.exited).toBe(0);
}

/** The four tasks of a version; resolves with the number of users. */
async function runTasks(folder: string, seed: string, users = 60): Promise<void> {
  const path = (name: string) => join(env.STACK_DIR!, "logs", "tests", `${capture.keyspace}-${seed}-${name}.jsonl`);
  const stages: [string, ...string[]][] = [
    ["fetch", "--users", String(users), "--seed", seed, "--output", path("raw")],
    ["format", "--input", path("raw"), "--output", path("users")],
    ["backup", "--input", path("users"), "--output", path("backup")],
    ["produce", "--input", path("backup"), "--output", path("produced")],
  ];
  for (const stage of stages) {
    const task = startProgram("tasks/main.ts", stage, env, folder);
    if ((await task.exited) !== 0) throw new Error(`${stage[0]} failed: ${await task.output()}`);
  }
}

async function migrate(folder: string) {
  const program = startProgram("operate/main.ts", ["migrate"], env, folder);
  return { code: await program.exited, output: await program.output() };
}

/** A row with the column that only the newer version knows. */
const whole = (row: Record<string, unknown>) => ({ ...userOf(row), nationality: row.nationality ?? null });
type Whole = ReturnType<typeof whole>;
const byId = (rows: Iterable<Record<string, unknown>>) =>
  new Map([...rows].map((row): [string, Whole] => [String(row.id), whole(row)]));

const inPostgres = async () => byId(await capture.sql.unsafe(`SELECT * FROM ${table}`));
const inCassandra = () =>
  withCassandra(capture.config, async (client) =>
    byId((await client.execute(`SELECT * FROM ${capture.keyspace}.${table}`, [], { fetchSize: 5_000 })).rows),
  );

/** Every row of PostgreSQL is in Cassandra, in every field; so is nothing else, and nothing is unread or a dead letter. */
async function agree(but: string[] = []) {
  const without = (rows: Map<string, Whole>) => new Map([...rows].filter(([id]) => !but.includes(id)));
  let last: unknown;
  await until("PostgreSQL and Cassandra agree", async () => {
    const [expected, found] = [without(await inPostgres()), without(await inCassandra())];
    last = [...expected].find(([id, row]) => !Bun.deepEquals(found.get(id), row)) ?? [expected.size, found.size];
    return Bun.deepEquals(found, expected);
  }).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(last)}`);
  });
  for (const topic of [capture.topic, capture.changeTopic])
    await until("all is read", async () => (await lagOf(capture.config, capture.groupId, topic)) === 0);
  expect(await readTopic(capture.config, capture.deadLetterTopic)).toEqual([]);
}

const someId = async (where = "true") => {
  const [row] = await capture.sql.unsafe(`SELECT id FROM ${table} WHERE ${where} LIMIT 1`);
  return String(row!.id);
};
const edit = (id: string, change: string) => capture.sql.unsafe(`UPDATE ${table} SET ${change} WHERE id = '${id}'`);
async function editThrough({ url }: StartedApi, id: string, change: object) {
  const response = await fetch(`${url}/update-user/${id}`, {
    method: "PUT",
    body: JSON.stringify(change),
    headers: { "Content-Type": "application/json" },
  });
  expect(response.status).toBe(200);
  return response.json();
}

/** Runs the tasks of a version again and again while `work` runs. */
async function withTraffic(folder: string, name: string, work: () => Promise<void>) {
  let done = false;
  const traffic = (async () => {
    for (let run = 0; !done; run++) await runTasks(folder, `${name}-${run}`, 20);
  })();
  await work().finally(() => {
    done = true;
  });
  await traffic;
}

test("rolled out in the printed order, under traffic, no record loses a field", async () => {
  const oldConsumer = consume(oldVersion());
  const oldApi = await serve(oldVersion());
  await runTasks(oldVersion(), "first");
  await capture.connector.register();
  await agree();

  let newConsumer!: StartedConsumer;
  let newApi!: StartedApi;
  await withTraffic(oldVersion(), "old", async () => {
    // 1. The tables.
    const { code, output } = await migrate(newVersion());
    expect(code).toBe(0);
    expect(output.match(/column nationality text/g)).toHaveLength(2);
    expect(output).toContain("Roll out in this order:");
    // Programs of the old version go on and start again; changes with the new column, which is null, are applied.
    await edit(await someId(), "phone = '1'");
    await serve(oldVersion());
    // 2. The consumer and the API, side by side with the old ones.
    newConsumer = consume(newVersion());
    newApi = await serve(newVersion());
    await until("it is a member", async () => (await newConsumer.status("/readyz")) === 200);
    await edit(await someId(), "phone = '2'");
    await stop(oldConsumer);
  });
  await agree();

  // An old consumer joins again, as in a roll-out of several, and a new record is already there.
  const lateConsumer = consume(oldVersion());
  await until("it is a member", async () => (await lateConsumer.status("/readyz")) === 200);
  // 3. The tasks.
  await withTraffic(newVersion(), "new", async () => {
    await until("the old one holds a record", async () =>
      (await lateConsumer.readiness()).includes(
        "of a newer contract, whose fields this version does not know: nationality; update the consumer",
      ),
    );
    expect(await lateConsumer.output()).toContain('msg="record of a newer contract"');
    await stop(lateConsumer);
  });
  await edit(await someId("nationality IS NOT NULL"), "nationality = 'XX'");
  await edit(await someId("nationality = 'XX'"), "phone = '3'");
  await agree();
  expect([...(await inCassandra()).values()].filter(({ nationality }) => nationality !== null).length).toBeGreaterThan(
    9,
  );

  // Edits through either API keep what the other one wrote.
  const id = await someId("nationality <> 'XX'");
  expect(await editThrough(newApi, id, { nationality: "YY", phone: "4" })).toMatchObject({ nationality: "YY" });
  expect(await editThrough(oldApi, id, { phone: "5" })).not.toHaveProperty("nationality");
  expect((await inCassandra()).get(id)).toMatchObject({ nationality: "YY", phone: "5" });
  expect(await editThrough(newApi, id, { gender: "other" })).toMatchObject({ nationality: "YY", phone: "5" });
  await agree([id]);
  await stop(newConsumer);
  await capture.close();
});

test("in the wrong order nothing is lost either: the old consumer holds what it does not understand", async () => {
  const oldConsumer = consume(oldVersion());
  await runTasks(oldVersion(), "first");
  await capture.connector.register();
  await agree();

  // Tasks first: the new backup adds the column to PostgreSQL, and records and changes have it.
  await runTasks(newVersion(), "second");
  await until("both topics are held", async () => {
    const lines = (await oldConsumer.readiness()).split("\n");
    const heldIn = (topic: string) =>
      lines.some((line) => line.includes(`topic ${topic}, `) && line.includes("update"));
    return heldIn(capture.topic) && heldIn(capture.changeTopic);
  });
  expect(await oldConsumer.status("/readyz")).toBe(503);
  expect(await oldConsumer.status("/healthz")).toBe(200);
  expect((await inCassandra()).size).toBe(60);

  // It holds them after a restart as well.
  await stop(oldConsumer);
  const again = consume(oldVersion());
  await until("it holds them", async () => {
    const readiness = await again.readiness();
    return ["whose fields this version", "in columns that this version"].every((where) =>
      readiness.includes(`${where} does not know: nationality; update`),
    );
  });

  // The new consumer adds the column to Cassandra and takes over what it gets; the rest when the old one has gone.
  const newConsumer = consume(newVersion());
  await until("it is a member", async () => (await newConsumer.status("/readyz")) === 200);
  await stop(again);
  await agree();
  expect((await inCassandra()).size).toBe(120);
  await edit(await someId("nationality IS NOT NULL"), "nationality = 'XX'");
  await agree();
  await stop(newConsumer);
  await capture.close();
});

test("change capture goes on through the migration, and changes from before it are read by the new version", async () => {
  await capture.connector.register();
  const before = openPostgres(capture.url, 1);
  await runTasks(oldVersion(), "first"); // changes without the column, unread
  expect((await migrate(newVersion())).code).toBe(0);
  await edit(await someId(), "nationality = 'XX'");
  await edit(await someId("nationality IS NULL"), "phone = '1'");
  await before`DELETE FROM ${before(table)} WHERE nationality = 'XX'`;
  await before.end();
  const newConsumer = consume(newVersion());
  await agree();
  expect((await capture.connector.task()).state).toBe("RUNNING");
  expect(
    await capture.superuser`SELECT FROM pg_replication_slots WHERE slot_name = ${capture.slot} AND active`,
  ).toHaveLength(1);
  await stop(newConsumer);
  await capture.close();
});

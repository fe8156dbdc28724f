// Runs in turn: it uses the stack's DAGs.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { idField, table } from "../contract/entity.ts";
import { changeable } from "../contract/samples.ts";
import { rowOf, upsertCql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { type Airflow, openAirflow } from "../operations/airflow.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";
import { registerConnector } from "../stack/change-capture.ts";
import { openInstance } from "../stack/instance.ts";
import { readRows, readWriteTimes, withCassandra } from "./support/cassandra.ts";
import { startConsole } from "./support/console.ts";
import { lagOf } from "./support/kafka.ts";
import { digestsOf, runFolder, usersOf } from "./support/runs.ts";

const config = loadConfig();
const postgres = openPostgres(config.postgres.url);
const { text } = changeable;
let airflow: Airflow;
let runId: string;
let ids: string[];

beforeAll(async () => {
  airflow = await openAirflow();
  await airflow.unpause();
  runId = (await airflow.trigger({ users: 200 }, `again+and:again~${crypto.randomUUID()}`)).dag_run_id;
  expect((await airflow.ended(runId)).state).toBe("success");
  ids = [...usersOf(join(await runFolder(airflow, runId), "users.jsonl")).keys()];
  await everythingStored();
});
afterAll(() => postgres.end());

const everythingStored = () =>
  until(
    "every user of the run is stored",
    async () => (await lagOf(config, config.consumer.groupId, config.kafka.topic)) === 0,
  );

/** Everything the run wrote: files, rows in PostgreSQL with transaction ids, and rows in Cassandra with write times. */
async function written() {
  const wanted = new Set(ids);
  const of = <T>(all: Map<string, T>) => [...all].filter(([id]) => wanted.has(id)).sort();
  return {
    files: digestsOf(await runFolder(airflow, runId)),
    postgres: await postgres`SELECT xmin::text, * FROM ${postgres(table)} WHERE id IN ${postgres(ids)} ORDER BY id`,
    cassandra: of<User>(await readRows(config)),
    writeTimes: of(await readWriteTimes(config)),
  };
}

async function clearAndWait() {
  await airflow.clear(runId);
  expect((await airflow.ended(runId)).state).toBe("success");
  await everythingStored();
}

test("clearing and rerunning a finished run changes no byte and no row", async () => {
  const before = await written();
  expect(before.cassandra).toHaveLength(200);

  await clearAndWait();
  expect([...(await airflow.tasks(runId)).values()].map(({ try_number }) => try_number)).toEqual([2, 2, 2, 2]);
  expect(await written()).toEqual(before);
});

test("edits made through the API and in PostgreSQL survive a rerun", async () => {
  const [throughApi = "", inPostgres = ""] = ids;
  const response = await fetch(`${process.env.API_URL}/update-user/${throughApi}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ [text]: "Ada" }),
  });
  expect(response.status).toBe(200);
  await postgres`UPDATE ${postgres(table)} SET ${postgres(text)} = 'Grace', "timestamp" = now() WHERE id = ${inPostgres}`;

  await clearAndWait();
  expect((await readRows(config)).get(throughApi)?.[text]).toBe("Ada");
  const [row] = await postgres`SELECT ${postgres(text)} FROM ${postgres(table)} WHERE id = ${inPostgres}`;
  expect(row?.[text]).toBe("Grace");
});

test("a user deleted in PostgreSQL stays deleted there and in Cassandra after a rerun", async () => {
  await registerConnector(await openInstance(), AbortSignal.timeout(180_000));
  const [deleted = "", witness = ""] = ids.slice(2);
  await postgres`DELETE FROM ${postgres(table)} WHERE id = ${deleted}`;
  await until("the deletion is in Cassandra", async () => !(await readRows(config)).has(deleted));

  await clearAndWait();
  expect(await airflow.countsOf(runId, "backup")).toMatchObject({ read: 200, written: 199, deleted: 1 });
  expect(await airflow.countsOf(runId, "produce")).toMatchObject({ read: 199, written: 199 });
  // Changes arrive in commit order: once this one has arrived, so have all changes of the run.
  await postgres`UPDATE ${postgres(table)} SET ${postgres(text)} = 'Witness' WHERE id = ${witness}`;
  const nameOf = async (id: string) => (await readRows(config)).get(id)?.[text];
  await until("a later change is in Cassandra", async () => (await nameOf(witness)) === "Witness");
  expect(await postgres`SELECT FROM ${postgres(table)} WHERE id = ${deleted}`).toHaveLength(0);
  expect((await readRows(config)).has(deleted)).toBe(false);
});

test("the comparison's DAG is paused at first, counts the users by verdict, and is red at once when one is lost", async () => {
  const comparison = await openAirflow(process.env, "user_reconcile");
  expect(await comparison.isPaused()).toBe(true);
  const lost = ids.at(-1)!;
  const row = (await readRows(config)).get(lost)!;
  const target = `${config.cassandra.keyspace}.${table}`;
  await withCassandra(config, (client) => client.execute(`DELETE FROM ${target} WHERE ${idField} = ?`, [lost]));
  await comparison.unpause();
  const { dag_run_id } = await comparison.trigger({ days: 2 });
  expect((await comparison.ended(dag_run_id)).state).toBe("failed");
  const tasks = await comparison.tasks(dag_run_id);
  expect([...tasks.values()].map(({ task_id, state, try_number }) => [task_id, state, try_number])).toEqual([
    ["compare", "success", 1],
    ["nothing_is_lost", "failed", 1],
  ]);
  const report = (await comparison.xcomOf(dag_run_id, "compare")) as { users: number; counts: Record<string, number> };
  expect(report).toMatchObject({ faults: expect.any(Number), findings: [] });
  expect(report.counts.lost).toBeGreaterThanOrEqual(1);
  expect(report.users).toBeGreaterThanOrEqual(ids.length - 1);
  const served = await startConsole();
  await until("the console shows its counts", async () =>
    /failed<.* lost <data value="[1-9]/.test(await (await fetch(`${served.url}/reconcile`)).text()),
  );
  await served.close();
  await comparison.pause();
  await withCassandra(config, (client) =>
    client.execute(upsertCql(config.cassandra.keyspace), [...rowOf(row), Date.now() * 1_000]),
  );
});

// Runs in turn: it uses the stack's DAG.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { table } from "../contract/entity.ts";
import { userOf } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { type Airflow, type DagRun, openAirflow } from "../operations/airflow.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";
import { project } from "../stack/instance.ts";
import { readRows } from "./support/cassandra.ts";
import { lagOf, readTopic, readUsers } from "./support/kafka.ts";
import { runFolder, usersOf } from "./support/runs.ts";

const config = loadConfig();
const users = 1_000;
let airflow: Airflow;
let run: DagRun;
let formatted: Map<string, User>;

beforeAll(async () => {
  airflow = await openAirflow();
  await airflow.unpause();
  const { dag_run_id } = await airflow.trigger({ users });
  run = await airflow.ended(dag_run_id);
  formatted = usersOf(join(await runFolder(airflow, dag_run_id), "users.jsonl"));
});

const postgres = openPostgres(config.postgres);
afterAll(() => postgres.end());

/** The users with this run's timestamp; other runs share the topic and the tables. */
const ofRun = (all: Map<string, User>) => {
  const [first] = formatted.values();
  return new Map([...all].filter(([, user]) => user.timestamp === first?.timestamp));
};

test("a run started through the REST API succeeds, each task on its first attempt", async () => {
  expect(run.state).toBe("success");
  const tasks = await airflow.tasks(run.dag_run_id);
  expect([...tasks.values()].map((task) => [task.task_id, task.state, task.try_number]).sort()).toEqual([
    ["backup", "success", 1],
    ["fetch", "success", 1],
    ["format", "success", 1],
    ["produce", "success", 1],
  ]);
});

test("the counts add up from stage to stage", async () => {
  const [fetched, format, backup, produce] = await Promise.all(
    ["fetch", "format", "backup", "produce"].map((task) => airflow.countsOf(run.dag_run_id, task)),
  );
  expect(fetched).toMatchObject({ read: users, written: users, rejected: 0 });
  expect(format?.read).toBe(users);
  expect((format?.written ?? 0) + (format?.rejected ?? 0)).toBe(users);
  expect(format?.written).toBe(formatted.size);
  expect(backup).toMatchObject({ read: formatted.size, written: formatted.size, rejected: 0 });
  expect(produce).toMatchObject({ read: formatted.size, written: formatted.size, rejected: 0 });
});

test("every user has the run's timestamp", () => {
  const times = new Set([...formatted.values()].map(({ timestamp }) => timestamp));
  expect([...times]).toEqual([new Date(run.run_after).toISOString()]);
});

test("PostgreSQL contains the formatted users, field by field", async () => {
  const [first] = formatted.values();
  const rows = await postgres`SELECT * FROM ${postgres(table)} WHERE "timestamp" = ${first?.timestamp ?? ""}`;
  expect(new Map(rows.map(userOf).map((user) => [user.id, user]))).toEqual(formatted);
});

test("every acknowledged record is in Cassandra, field by field, or among the dead letters", async () => {
  const acknowledged = ofRun(await readUsers(config, config.kafka.topic));
  expect(acknowledged).toEqual(formatted);

  await until(
    "the consumer has read everything",
    async () => (await lagOf(config, config.consumer.groupId, config.kafka.topic)) === 0,
  );
  const stored = ofRun(await readRows(config));
  const dead = new Set((await readTopic(config, config.kafka.deadLetterTopic)).map(({ key }) => key));
  const deadOfRun = [...acknowledged.keys()].filter((id) => dead.has(id));
  expect([...stored.keys(), ...deadOfRun].sort()).toEqual([...acknowledged.keys()].sort());
  expect(stored).toEqual(new Map([...acknowledged].filter(([id]) => !dead.has(id))));
});

test("a run for given nationalities fetches only users of those", async () => {
  const { dag_run_id } = await airflow.trigger({ users: 20, nationalities: ["ie", "nz"] });
  expect((await airflow.ended(dag_run_id)).state).toBe("success");
  const countries = [...usersOf(join(await runFolder(airflow, dag_run_id), "users.jsonl")).values()].map(
    ({ address }) => address?.split(", ").at(-1),
  );
  expect(countries).toHaveLength(20);
  expect(new Set(countries)).toEqual(new Set(["Ireland", "New Zealand"]));
});

test("a run started on the command line succeeds", async () => {
  const runId = `from-the-command-line-${crypto.randomUUID()}`;
  const trigger = ["dags", "trigger", "user_automation", "--run-id", runId, "--conf", '{"users": 5}'];
  const command = Bun.spawn([process.execPath, "run", "--silent", "airflow", ...trigger], {
    cwd: project,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [error, exitCode] = await Promise.all([new Response(command.stderr).text(), command.exited]);
  expect({ exitCode, error: exitCode === 0 ? "" : error }).toEqual({ exitCode: 0, error: "" });
  expect((await airflow.ended(runId)).state).toBe("success");
  expect(await airflow.countsOf(runId, "produce")).toMatchObject({ read: 5, written: 5 });
});

test.each([
  { users: 0 },
  { users: 5_001 },
  { users: "60; touch harm" },
  { nationalities: "us; touch harm" },
  { nationalities: ["$(touch harm)"] },
  { nationalities: ["xx"] },
  { nationalities: "us\n" },
])("Airflow rejects the params %j before any task runs", async (conf) => {
  await expect(airflow.trigger(conf)).rejects.toThrow("Airflow answers 400");
});

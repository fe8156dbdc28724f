// Runs in turn: it uses the stack's DAG and stops its source.
import { beforeAll, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { type Airflow, openAirflow } from "../operations/airflow.ts";
import { until } from "../runtime/until.ts";
import { runFolder } from "./support/runs.ts";
import { controlStack } from "./support/stack.ts";

let airflow: Airflow;
beforeAll(async () => {
  airflow = await openAirflow();
  await airflow.unpause();
});

test("exit code 2 fails a task immediately, although it has retries left", async () => {
  const { dag_run_id } = await airflow.trigger({ users: 5 });
  expect((await airflow.ended(dag_run_id)).state).toBe("success");
  const raw = join(await runFolder(airflow, dag_run_id), "raw.jsonl");
  renameSync(raw, `${raw}.away`);

  await airflow.clear(dag_run_id, "format");
  expect((await airflow.ended(dag_run_id)).state).toBe("failed");
  const tasks = await airflow.tasks(dag_run_id);
  expect(tasks.get("format")).toMatchObject({ state: "failed", try_number: 2 });
  expect(tasks.get("format")?.max_tries).toBeGreaterThan(2);
  expect(tasks.get("backup")?.state).toBe("upstream_failed");
  expect(JSON.stringify(await airflow.logOf(dag_run_id, "format", 2))).toContain(
    "exit code 2: a permanent error, not retried",
  );
});

test("exit code 1 is retried, and the run succeeds once the source is back", async () => {
  const stack = await controlStack();
  await stack.stop("source");
  const { dag_run_id } = await airflow.trigger({ users: 5 });
  const fetchTask = async () => (await airflow.tasks(dag_run_id)).get("fetch");
  await until("fetch waits for its retry", async () => (await fetchTask())?.state === "up_for_retry").finally(() =>
    stack.start("source"),
  );

  expect((await airflow.ended(dag_run_id)).state).toBe("success");
  expect((await fetchTask())?.try_number).toBe(2);
});

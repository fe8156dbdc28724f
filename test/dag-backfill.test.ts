/** The second DAG: Airflow submits the Spark job, which stores the records of the topic. */
// Runs in turn: it uses the stack's DAG, consumer and Spark cluster.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Airflow, openAirflow } from "../operations/airflow.ts";
import { loadConfig } from "../sources/config.ts";
import { openRecorder, type Recorder } from "./faults/records.ts";
import { readRows } from "./support/cassandra.ts";
import { startCluster } from "./support/spark.ts";
import { controlStack, type StackControl } from "./support/stack.ts";

setDefaultTimeout(900_000);

const config = loadConfig();
let stack: StackControl;
let airflow: Airflow;
let recorder: Recorder;

beforeAll(async () => {
  await startCluster();
  stack = await controlStack();
  airflow = await openAirflow(process.env, "user_stream_batch");
  recorder = await openRecorder({ config });
});

afterAll(async () => {
  await recorder?.close();
  await airflow?.pause();
  await stack?.start("consumer");
});

test("it is paused until someone unpauses it", async () => {
  expect(await airflow.isPaused()).toBe(true);
});

test("a run stores every record of the topic, and a second run changes none", async () => {
  await stack.stop("consumer");
  await recorder.sendUsers(500);
  await airflow.unpause();

  for (let run = 1; run <= 2; run++) {
    const { dag_run_id } = await airflow.trigger();
    expect((await airflow.ended(dag_run_id)).state).toBe("success");
    const rows = await readRows(config);
    const stored = [...recorder.acknowledged.keys()].map((id) => rows.get(id) ?? null);
    expect(stored).toEqual([...recorder.acknowledged.values()]);
  }
});

// Runs in turn: it uses the stack's DAG and stops its scheduler.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Airflow, dagId, openAirflow } from "../operations/airflow.ts";
import { runDag } from "../stack/cli/dag-run.ts";
import { StackError } from "../stack/failure.ts";
import { type Instance, openInstance } from "../stack/instance.ts";
import { controlStack, type StackControl } from "./support/stack.ts";

let stack: StackControl;
let airflow: Airflow;
let instance: Instance;
const runIds = new Set<string>();

// Without a scheduler no task starts, and the run ends only when a test marks it.
beforeAll(async () => {
  [stack, airflow, instance] = await Promise.all([controlStack(), openAirflow(), openInstance()]);
  await airflow.unpause();
  await stack.stop("airflow-scheduler");
});
afterAll(async () => {
  for (const id of runIds) await airflow.mark(id, "failed");
  await stack.start("airflow-scheduler");
});

/** Follows a run as `demo` does, and marks it once it has started. */
async function errorOf(mark?: "success" | "failed", withinMs = 180_000): Promise<StackError & { run: string }> {
  let run = "";
  const report = (doing: string) => {
    const [, id] = doing.match(/^run (.*): fetch /) ?? [];
    if (!id || run) return;
    run = id;
    runIds.add(id);
    if (mark) void airflow.mark(id, mark);
  };
  const ended = runDag(instance, { report, stop: new AbortController().signal, withinMs });
  const error = await ended.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof StackError)) throw error ?? new Error("the run ended well");
  return Object.assign(error, { run });
}

test("a run that does not end in time is an error with its state and where to look", async () => {
  const { message, remedy, run } = await errorOf(undefined, 3_000);
  expect(message).toBe(
    `The run ${run} of ${dagId} is still queued after 3 s: fetch waiting, format waiting, backup waiting, produce waiting`,
  );
  expect(remedy).toContain("bun run logs airflow-scheduler");
});

test("a run that failed without a failed task is reported as such, with each task's state", async () => {
  const { message, remedy, run } = await errorOf("failed");
  expect(message).toMatch(
    /^The run \S+ of user_automation failed, but no task did: fetch \w+, format \w+, backup \w+, /,
  );
  expect(message).toContain(run);
  expect(message).not.toContain("fetch failed");
  expect(remedy).toContain(`/dags/${dagId}/runs/`);
});

test("a run without counts is an error that names the tasks, not a run of zero users", async () => {
  const { message, run } = await errorOf("success");
  expect(message).toBe(`The run ${run} of ${dagId} succeeded, but has no counts for fetch, format, backup, produce`);
});

import { type Airflow, type Counts, type DagRun, dagId, MissingCounts, openAirflow } from "../../operations/airflow.ts";
import { NotInTime, until } from "../../runtime/until.ts";
import { environmentOf } from "../environment.ts";
import { StackError } from "../failure.ts";
import type { Instance } from "../instance.ts";

export interface TaskState {
  state: string;
  seconds: number;
  attempt: number;
}

/** By the task's id, in the DAG's order. */
type TaskStates = Map<string, TaskState>;

export interface FinishedRun {
  id: string;
  tasks: TaskStates;
  /** Of one of its tasks. */
  countsOf: (task: string) => Counts;
}

const pollEveryMs = 250;
const runWithinMs = 10 * 60_000;

interface FollowOptions {
  report: (text: string) => void;
  stop: AbortSignal;
  /** Time limit for the whole run, in milliseconds. */
  withinMs?: number;
}

/** A run that was triggered. */
interface Run {
  id: string;
  airflow: Airflow;
  instance: Instance;
}

/**
 * Triggers the DAG through Airflow's REST API and follows the run to its end.
 * @throws StackError that names the task that failed or is still pending, with the end of its log
 */
export async function runDag(
  instance: Instance,
  { report, stop, withinMs = runWithinMs }: FollowOptions,
): Promise<FinishedRun> {
  const deadline = performance.now() + withinMs;
  const waitOptions = () => ({ withinMs: deadline - performance.now(), everyMs: pollEveryMs, stop });
  const airflow = await openAirflow(environmentOf(instance));
  report("waiting until Airflow has parsed the DAG");
  await until("Airflow has parsed the DAG", airflow.isKnown, waitOptions()).catch((error: unknown) => {
    throw error instanceof NotInTime ? notParsed(airflow, withinMs) : error;
  });
  await airflow.unpause();
  const { dag_run_id: id } = await airflow.trigger();
  const run = { id, airflow, instance };

  const ended = async () => {
    const { state } = await airflow.run(id);
    report(`run ${id}: ${describeTasks(await tasksOf(run))}`);
    return (state === "success" || state === "failed") && state;
  };
  const state = await until("the run has ended", ended, waitOptions()).catch(async (error: unknown) => {
    throw error instanceof NotInTime ? await unfinished(run, await airflow.run(id), withinMs) : error;
  });
  if (state === "failed") throw await failure(run);
  const tasks = await tasksOf(run);
  return { id, tasks, countsOf: await countsOf(run, [...tasks.keys()]) };
}

async function tasksOf({ airflow, id }: Run): Promise<TaskStates> {
  const instances = [...(await airflow.tasks(id)).values()];
  return new Map(
    instances.map(({ task_id, state, duration, try_number }) => [
      task_id,
      { state: state ?? "waiting", seconds: duration ?? 0, attempt: try_number },
    ]),
  );
}

/** @throws StackError naming the tasks without counts */
async function countsOf(run: Run, tasks: string[]): Promise<FinishedRun["countsOf"]> {
  const counts = await Promise.all(
    tasks.map((task) =>
      run.airflow.countsOf(run.id, task).catch((error: unknown) => {
        if (error instanceof MissingCounts) return undefined;
        throw error;
      }),
    ),
  );
  const missing = tasks.filter((_, index) => counts[index] === undefined);
  if (missing.length > 0)
    throw new StackError(
      `The run ${run.id} of ${dagId} succeeded, but has no counts for ${missing.join(", ")}`,
      `The counts are the last line of a task's output: see its log in Airflow, ${linkTo(run)}. Was the run marked as success by hand?`,
    );
  return (task) => counts[tasks.indexOf(task)] ?? noSuchTask(task);
}

async function failure(run: Run): Promise<StackError> {
  const tasks = await tasksOf(run);
  const task = [...tasks.keys()].find((id) => tasks.get(id)?.state === "failed");
  if (!task)
    return new StackError(
      `The run ${run.id} of ${dagId} failed, but no task did: ${describeTasks(tasks)}`,
      `It may have been marked as failed by hand, or exceeded the DAG's time limit: ${linkTo(run)}.`,
    );
  return new StackError(`The task ${task} of ${dagId} failed`, logsAt(run), await logOf(run, task, tasks));
}

async function unfinished(run: Run, { state }: DagRun, withinMs: number): Promise<StackError> {
  const tasks = await tasksOf(run);
  const names = [...tasks.keys()];
  const task = names.find((id) => tasks.get(id)?.state !== "success") ?? names.at(-1) ?? "";
  return new StackError(
    `The run ${run.id} of ${dagId} is still ${state} after ${withinMs / 1000} s: ${describeTasks(tasks)}`,
    tasks.get(task)?.state === "waiting"
      ? "No task has started. Check the scheduler with `bun run status` and `bun run logs airflow-scheduler`."
      : logsAt(run),
    await logOf(run, task, tasks),
  );
}

const notParsed = ({ url }: Airflow, withinMs: number) =>
  new StackError(
    `Airflow did not parse the DAG ${dagId} within ${withinMs / 1000} s`,
    `See the import errors at ${url} and \`bun run logs airflow-dag-processor\`.`,
  );

const logsAt = (run: Run) => `See its log in Airflow at ${linkTo(run)}, or in ${run.instance.folder}/logs/airflow.`;

const linkTo = ({ airflow, id }: Run) => `${airflow.url}/dags/${dagId}/runs/${encodeURIComponent(id)}`;

const describeTasks = (tasks: TaskStates) => [...tasks].map(([task, { state }]) => `${task} ${state}`).join(", ");

/** The last log events of a task's current attempt. */
async function logOf({ airflow, id }: Run, task: string, tasks: TaskStates): Promise<string[]> {
  const events = (await airflow.logOf(id, task, tasks.get(task)?.attempt ?? 1)).map(({ event }) => event);
  return events.filter((event) => !event.startsWith("::")).slice(-15);
}

function noSuchTask(task: string): never {
  throw new Error(`the DAG ${dagId} has no task ${task}, whose counts the report shows`);
}

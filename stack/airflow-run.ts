import ky, { type KyInstance } from "ky";
import { z } from "zod";
import { StackError } from "./failure.ts";
import { environmentOf, type Instance } from "./instance.ts";

export const dagId = "user_automation";
export const taskIds = ["fetch", "format", "backup", "produce"] as const;
export type TaskId = (typeof taskIds)[number];

export interface TaskState {
  state: string;
  seconds: number;
  attempt: number;
}

/** What a task says about its work: the last line of its output. */
export interface Counts {
  read: number;
  written: number;
  rejected: number;
  /** Users that `backup` did not pass on, since somebody deleted them. */
  deleted?: number;
}

export interface FinishedRun {
  id: string;
  tasks: TaskStates;
  counts: Record<TaskId, Counts>;
}

const pollEveryMs = 250;
const runWithinMs = 10 * 60_000;

interface Following {
  tell: (doing: string) => void;
  stop: AbortSignal;
  /** How long all of it may take, in milliseconds. */
  withinMs?: number;
}

/**
 * Starts the DAG as a person would, by Airflow's REST API, and follows the run to its end.
 * @throws StackError that says what became of the run: which task failed or is being waited for, with the end of its log
 */
export async function runDag(
  instance: Instance,
  { tell, stop, withinMs = runWithinMs }: Following,
): Promise<FinishedRun> {
  const deadline = Date.now() + withinMs;
  const api = await login(instance);
  const dag = `dags/${dagId}`;
  tell("waiting until Airflow has read the DAG");
  while (!(await api.get(dag, { throwHttpErrors: false })).ok) {
    if (Date.now() > deadline) throw notRead(instance, withinMs);
    await pause(stop);
  }
  await api.patch(dag, { json: { is_paused: false } });
  const { dag_run_id: id } = await api
    .post(`${dag}/dagRuns`, { json: { logical_date: null } })
    .json<{ dag_run_id: string }>();
  const run = { id, path: `${dag}/dagRuns/${encodeURIComponent(id)}`, api, instance };

  for (;;) {
    const { state } = await api.get(run.path).json<{ state: string }>();
    const tasks = await tasksOf(run);
    tell(`run ${id}: ${statesOf(tasks)}`);
    if (state === "success") return { id, tasks, counts: await countsOf(run) };
    if (state === "failed") throw await failure(run, tasks);
    if (Date.now() > deadline) throw await unfinished(run, state, tasks, withinMs);
    await pause(stop);
  }
}

/** One run as the REST API knows it. */
interface Run {
  id: string;
  /** Below the API's own path. */
  path: string;
  api: KyInstance;
  instance: Instance;
}

type TaskStates = Record<TaskId, TaskState>;

async function login(instance: Instance): Promise<KyInstance> {
  const { AIRFLOW_URL, AIRFLOW_USER: username, AIRFLOW_PASSWORD: password } = environmentOf(instance);
  const token = await ky
    .post(`${AIRFLOW_URL}/auth/token`, { json: { username, password } })
    .json<{ access_token: string }>();
  return ky.extend({
    prefix: `${AIRFLOW_URL}/api/v2`,
    timeout: 30_000,
    headers: { authorization: `Bearer ${token.access_token}` },
  });
}

async function tasksOf({ api, path }: Run): Promise<TaskStates> {
  const { task_instances } = await api.get(`${path}/taskInstances`).json<{
    task_instances: { task_id: string; state: string | null; duration: number | null; try_number: number }[];
  }>();
  return forEachTask((id) => {
    const found = task_instances.find(({ task_id }) => task_id === id);
    return { state: found?.state ?? "waiting", seconds: found?.duration ?? 0, attempt: found?.try_number ?? 1 };
  });
}

/** @throws StackError that names the tasks which left no counts: a run without them cannot be accounted for */
async function countsOf(run: Run): Promise<Record<TaskId, Counts>> {
  const answers = await Promise.all(
    taskIds.map(async (id) => {
      const entry = `${run.path}/taskInstances/${id}/xcomEntries/return_value`;
      const answer = await run.api.get(entry, { throwHttpErrors: (status) => status !== 404 });
      return CountsEntry.safeParse(answer.ok ? await answer.json() : undefined);
    }),
  );
  const missing = taskIds.filter((_, index) => !answers[index]?.success);
  if (missing.length > 0)
    throw new StackError(
      `The run ${run.id} of ${dagId} succeeded, but there are no counts of ${missing.join(", ")}`,
      `A task's last line of output holds them: see its log in Airflow, ${linkTo(run)}. Was it marked as success by hand?`,
    );
  return forEachTask((id) => answers[taskIds.indexOf(id)]?.data?.value as Counts);
}

const count = z.number().int().nonnegative();
const CountsEntry = z.object({ value: z.looseObject({ read: count, written: count, rejected: count }) });

async function failure(run: Run, tasks: TaskStates): Promise<StackError> {
  const task = taskIds.find((id) => tasks[id].state === "failed");
  if (!task)
    return new StackError(
      `The run ${run.id} of ${dagId} failed, but no task did: ${statesOf(tasks)}`,
      `It may have been marked as failed by hand, or have exceeded the DAG's time limit: ${linkTo(run)}.`,
    );
  return new StackError(`The task ${task} of ${dagId} failed`, whereLogsAre(run), await logOf(run, task, tasks));
}

async function unfinished(run: Run, state: string, tasks: TaskStates, withinMs: number): Promise<StackError> {
  const task = taskIds.find((id) => tasks[id].state !== "success") ?? "produce";
  return new StackError(
    `The run ${run.id} of ${dagId} is still ${state} after ${withinMs / 1000} s: ${statesOf(tasks)}`,
    tasks[task].state === "waiting"
      ? "No task was started: `bun run status` and `bun run logs airflow-scheduler` show whether the scheduler works."
      : whereLogsAre(run),
    await logOf(run, task, tasks),
  );
}

const notRead = ({ config }: Instance, withinMs: number) =>
  new StackError(
    `Airflow has not read the DAG ${dagId} within ${withinMs / 1000} s`,
    `Its import errors are at http://127.0.0.1:${config.ports.airflow}, its log: \`bun run logs airflow-dag-processor\`.`,
  );

const whereLogsAre = (run: Run) => `Its log is in Airflow: ${linkTo(run)}, and in ${run.instance.folder}/logs/airflow.`;

const linkTo = ({ instance, id }: Run) =>
  `${environmentOf(instance).AIRFLOW_URL}/dags/${dagId}/runs/${encodeURIComponent(id)}`;

const statesOf = (tasks: TaskStates) => taskIds.map((task) => `${task} ${tasks[task].state}`).join(", ");

/** The end of a task's log: of its current attempt, the events; nothing where Airflow has none. */
async function logOf({ api, path }: Run, task: TaskId, tasks: TaskStates): Promise<string[]> {
  const log = await api.get(`${path}/taskInstances/${task}/logs/${tasks[task].attempt}`, {
    headers: { accept: "application/x-ndjson" },
    throwHttpErrors: false,
  });
  return log.ok ? eventsOf(await log.text()).slice(-15) : [];
}

/** The events of a task's log, which Airflow keeps as one JSON object a line. */
const eventsOf = (log: string): string[] =>
  log
    .split("\n")
    .filter(Boolean)
    .map((line) => String((JSON.parse(line) as { event?: string }).event ?? line))
    .filter((event) => !event.startsWith("::"));

const forEachTask = <T>(value: (id: TaskId) => T) =>
  Object.fromEntries(taskIds.map((id) => [id, value(id)])) as Record<TaskId, T>;

async function pause(stop: AbortSignal) {
  await Bun.sleep(pollEveryMs);
  stop.throwIfAborted();
}

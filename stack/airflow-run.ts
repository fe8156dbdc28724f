import ky, { type KyInstance } from "ky";
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
  tasks: Record<TaskId, TaskState>;
  counts: Record<TaskId, Counts>;
}

const pollEveryMs = 250;

/**
 * Starts the DAG as a person would, by Airflow's REST API, and follows the run to its end.
 * @throws StackError that names the task that failed, with the end of its log
 */
export async function runDag(
  instance: Instance,
  { tell, stop }: { tell: (doing: string) => void; stop: AbortSignal },
): Promise<FinishedRun> {
  const api = await login(instance);
  const dag = `dags/${dagId}`;
  tell("waiting until Airflow has read the DAG");
  while (!(await api.get(dag, { throwHttpErrors: false })).ok) await pause(stop);
  await api.patch(dag, { json: { is_paused: false } });
  const { dag_run_id: id } = await api
    .post(`${dag}/dagRuns`, { json: { logical_date: null } })
    .json<{ dag_run_id: string }>();
  const run = `${dag}/dagRuns/${encodeURIComponent(id)}`;

  for (;;) {
    const { state } = await api.get(run).json<{ state: string }>();
    const tasks = await tasksOf(api, run);
    tell(`run ${id}: ${taskIds.map((task) => `${task} ${tasks[task].state}`).join(", ")}`);
    if (state === "success") return { id, tasks, counts: await countsOf(api, run) };
    if (state === "failed") throw await taskFailure(api, run, tasks, instance);
    await pause(stop);
  }
}

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

async function tasksOf(api: KyInstance, run: string): Promise<Record<TaskId, TaskState>> {
  const { task_instances } = await api.get(`${run}/taskInstances`).json<{
    task_instances: { task_id: string; state: string | null; duration: number | null; try_number: number }[];
  }>();
  return forEachTask((id) => {
    const found = task_instances.find(({ task_id }) => task_id === id);
    return { state: found?.state ?? "waiting", seconds: found?.duration ?? 0, attempt: found?.try_number ?? 1 };
  });
}

async function countsOf(api: KyInstance, run: string): Promise<Record<TaskId, Counts>> {
  const values = await Promise.all(
    taskIds.map((id) => api.get(`${run}/taskInstances/${id}/xcomEntries/return_value`).json<{ value: Counts }>()),
  );
  return forEachTask((id) => values[taskIds.indexOf(id)]?.value ?? { read: 0, written: 0, rejected: 0 });
}

async function taskFailure(api: KyInstance, run: string, tasks: Record<TaskId, TaskState>, instance: Instance) {
  const task = taskIds.find((id) => tasks[id].state === "failed") ?? "fetch";
  const log = await api
    .get(`${run}/taskInstances/${task}/logs/${tasks[task].attempt}`, {
      headers: { accept: "application/x-ndjson" },
      throwHttpErrors: false,
    })
    .text();
  return new StackError(
    `The task ${task} of ${dagId} failed`,
    `Its log is in Airflow: ${environmentOf(instance).AIRFLOW_URL}/dags/${dagId}, and in ${instance.folder}/logs/airflow.`,
    eventsOf(log).slice(-15),
  );
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

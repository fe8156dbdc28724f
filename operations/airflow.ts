import ky, { HTTPError, type KyInstance } from "ky";
import { z } from "zod";
import { until } from "../runtime/until.ts";

export const dagId = "user_automation";

const count = z.number().int().nonnegative();

/** A task's report of its work: the last line of its output, and its XCom. */
const Counts = z.looseObject({
  read: count,
  written: count,
  rejected: count,
  /** Users that `backup` did not pass on because they have been deleted. */
  deleted: count.optional(),
  /** Users that `fetch` and `backup` did not pass on because they were forgotten. */
  forgotten: count.optional(),
  /** The file it wrote. */
  output: z.string().optional(),
});
export type Counts = z.infer<typeof Counts>;

export interface DagRun {
  dag_run_id: string;
  state: "queued" | "running" | "success" | "failed";
  run_type: string;
  run_after: string;
  start_date: string | null;
  end_date: string | null;
  /** The params that it was triggered with. */
  conf: Record<string, unknown> | null;
}

export interface TaskInstance {
  task_id: string;
  dag_run_id: string;
  start_date: string | null;
  end_date: string | null;
  state: string | null;
  try_number: number;
  max_tries: number;
  /** The number of tasks from this one to the end of the DAG, unless the DAG sets it. */
  priority_weight: number;
  /** In seconds. */
  duration: number | null;
}

export interface LogEvent {
  event: string;
  [detail: string]: unknown;
}

/** A task left no counts, so the run's records cannot be accounted for. */
export class MissingCounts extends Error {
  override name = "MissingCounts";
}

/** A param of a DAG: its default, and the JSON schema of its values. */
export interface DagParam {
  value: unknown;
  schema: Record<string, unknown>;
  description: string | null;
}

/** Airflow refuses a request; `detail` is its reason. */
export class AirflowRefusal extends Error {
  override name = "AirflowRefusal";
  constructor(
    readonly status: number,
    readonly detail: string,
  ) {
    super(`Airflow answers ${status}: ${detail}`);
  }
}

/** One DAG, through Airflow's public REST API. */
export interface Airflow {
  url: string;
  /** Whether Airflow has parsed the DAG. */
  isKnown: () => Promise<boolean>;
  isPaused: () => Promise<boolean>;
  pause: () => Promise<void>;
  unpause: () => Promise<void>;
  /** As of now; a DAG that Airflow has not parsed is an AirflowRefusal with the status 404. */
  details: () => Promise<{ is_paused: boolean; params: Record<string, DagParam> }>;
  /** Starts a manual run with these params. @throws AirflowRefusal if it does not take them */
  trigger: (conf?: Record<string, unknown>, runId?: string) => Promise<DagRun>;
  /** The newest first. */
  runs: (limit?: number, offset?: number) => Promise<DagRun[]>;
  run: (runId: string) => Promise<DagRun>;
  /** Waits until a run has ended, successfully or not. */
  ended: (runId: string, withinMs?: number) => Promise<DagRun>;
  /** A run's tasks by their id, in the DAG's order. */
  tasks: (runId: string) => Promise<Map<string, TaskInstance>>;
  /** The same of several runs, by the run's id. */
  tasksOf: (runIds: readonly string[]) => Promise<Map<string, TaskInstance[]>>;
  /** Clears the whole run, or one task and all tasks downstream of it, so that they run again. */
  clear: (runId: string, from?: string) => Promise<void>;
  /** Sets a run's state as a person does in the UI. */
  mark: (runId: string, state: "success" | "failed") => Promise<void>;
  /** @throws MissingCounts if the task left no valid counts */
  countsOf: (runId: string, taskId: string) => Promise<Counts>;
  /** A task's XCom; undefined if it left none. */
  xcomOf: (runId: string, taskId: string) => Promise<unknown>;
  /** A task's log, one event with its details per line; empty if Airflow has no log. */
  logOf: (runId: string, taskId: string, attempt: number) => Promise<LogEvent[]>;
}

/** How long a request may take, in milliseconds, and how often a read is repeated. */
interface Patience {
  timeout: number;
  retry: number;
}

/** Logs in to the Airflow instance given by the environment. @throws AirflowRefusal if it refuses the login */
export async function openAirflow(
  env: Record<string, string | undefined> = process.env,
  dag: string = dagId,
  patience: Patience = { timeout: 30_000, retry: 2 },
): Promise<Airflow> {
  const { AIRFLOW_URL: url = "", AIRFLOW_USER: username, AIRFLOW_PASSWORD: password } = env;
  const { access_token } = await ky
    .post(`${url}/auth/token`, { json: { username, password }, ...patience })
    .json<{ access_token: string }>()
    .catch((error) => {
      if (!(error instanceof HTTPError) || ![401, 403].includes(error.response.status)) throw error;
      throw new AirflowRefusal(error.response.status, "the login is refused; set AIRFLOW_USER and AIRFLOW_PASSWORD");
    });
  const api = ky.extend({
    prefix: `${url}/api/v2`,
    ...patience,
    headers: { authorization: `Bearer ${access_token}` },
    hooks: { afterResponse: [throwReason] },
  });
  const dagPath = `dags/${dag}`;
  const at: PathOf = (runId, ...rest) => [dagPath, "dagRuns", ...[runId, ...rest].map(encodeURIComponent)].join("/");
  const ofTasks = taskCalls(api, at, dag);
  return { url, ...dagCalls(api, dagPath), ...runCalls(api, dagPath, at, ofTasks.tasks), ...ofTasks };
}

/**
 * Airflow for as long as a program runs: logs in when it is first used, and again once after a token was refused, since
 * tokens expire.
 */
export function keepAirflow(env: Record<string, string | undefined>, patience: Patience) {
  let opened: Promise<Airflow> | undefined;
  const open = () => {
    opened ??= openAirflow(env, dagId, patience).catch((error) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return async <T>(work: (airflow: Airflow) => Promise<T>): Promise<T> => {
    const isNew = opened === undefined;
    const airflow = await open();
    try {
      return await work(airflow);
    } catch (error) {
      if (!(error instanceof AirflowRefusal) || ![401, 403].includes(error.status)) throw error;
      opened = undefined;
      if (isNew) throw error;
      return work(await open());
    }
  };
}

/** The path of something below a run. */
type PathOf = (runId: string, ...rest: string[]) => string;

function dagCalls(
  api: KyInstance,
  path: string,
): Pick<Airflow, "isKnown" | "isPaused" | "pause" | "unpause" | "details"> {
  const isKnown = async () => (await api.get(path, { throwHttpErrors: false })).ok;

  async function isPaused() {
    await until("Airflow knows the DAG", isKnown);
    return (await api.get(path).json<{ is_paused: boolean }>()).is_paused;
  }

  async function setPaused(is_paused: boolean) {
    if ((await isPaused()) === is_paused) return;
    await api.patch(path, { json: { is_paused } });
  }

  const details: Airflow["details"] = () => api.get(`${path}/details`).json();

  return { isKnown, isPaused, pause: () => setPaused(true), unpause: () => setPaused(false), details };
}

function runCalls(
  api: KyInstance,
  dagPath: string,
  at: PathOf,
  tasks: Airflow["tasks"],
): Pick<Airflow, "trigger" | "runs" | "run" | "ended" | "clear" | "mark"> {
  const path = `${dagPath}/dagRuns`;
  const run = (runId: string) => api.get(at(runId)).json<DagRun>();

  return {
    run,

    trigger: (conf = {}, runId) =>
      api.post(path, { json: { logical_date: null, conf, ...(runId && { dag_run_id: runId }) } }).json<DagRun>(),

    runs: async (limit = 50, offset = 0) => {
      const searchParams = { order_by: "-run_after", limit, offset };
      return (await api.get(path, { searchParams }).json<{ dag_runs: DagRun[] }>()).dag_runs;
    },

    ended: (runId, withinMs = 180_000) =>
      until(
        `the run ${runId} has ended`,
        async () => {
          const now = await run(runId);
          if (now.state === "success" || now.state === "failed") return now;
          throw new Error(JSON.stringify({ state: now.state, tasks: [...(await tasks(runId)).values()] }));
        },
        { withinMs, everyMs: 300 },
      ),

    async clear(runId, from) {
      const which = from ? { task_ids: [from], include_downstream: true } : {};
      await api.post(`${dagPath}/clearTaskInstances`, {
        json: { dag_run_id: runId, dry_run: false, only_failed: false, reset_dag_runs: true, ...which },
      });
    },

    async mark(runId, state) {
      await api.patch(at(runId), { json: { state } });
    },
  };
}

function taskCalls(
  api: KyInstance,
  at: PathOf,
  dag: string,
): Pick<Airflow, "tasks" | "tasksOf" | "countsOf" | "xcomOf" | "logOf"> {
  const xcomOf = async (runId: string, taskId: string): Promise<unknown> => {
    const entry = at(runId, "taskInstances", taskId, "xcomEntries", "return_value");
    const response = await api.get(entry, { throwHttpErrors: false });
    return response.ok ? (await response.json<{ value: unknown }>()).value : undefined;
  };

  return {
    xcomOf,

    async tasks(runId) {
      const { task_instances } = await api.get(at(runId, "taskInstances")).json<{ task_instances: TaskInstance[] }>();
      return new Map(inOrder(task_instances).map((task) => [task.task_id, task]));
    },

    async tasksOf(runIds) {
      if (runIds.length === 0) return new Map();
      const json = { dag_ids: [dag], dag_run_ids: runIds, page_limit: 100 };
      const path = "dags/~/dagRuns/~/taskInstances/list";
      const { task_instances } = await api.post(path, { json }).json<{ task_instances: TaskInstance[] }>();
      return Map.groupBy(inOrder(task_instances), ({ dag_run_id }) => dag_run_id);
    },

    async countsOf(runId, taskId) {
      const counts = Counts.safeParse(await xcomOf(runId, taskId));
      if (!counts.success) throw new MissingCounts(`the task ${taskId} of the run ${runId} left no counts`);
      return counts.data;
    },

    async logOf(runId, taskId, attempt) {
      const log = at(runId, "taskInstances", taskId, "logs", String(attempt));
      const response = await api.get(log, { searchParams: { full_content: true }, throwHttpErrors: false });
      return response.ok ? (await response.json<{ content: LogEvent[] }>()).content : [];
    },
  };
}

const inOrder = (tasks: TaskInstance[]) => tasks.sort((a, b) => b.priority_weight - a.priority_weight);

/** ky's own message has only status and URL; Airflow's response says which param was wrong. */
const throwReason = async ({ response }: { response: Response }) => {
  if (response.status < 400 || response.status === 404) return;
  const text = await response.text();
  let detail: unknown;
  try {
    detail = (JSON.parse(text) as { detail?: unknown }).detail;
  } catch {}
  throw new AirflowRefusal(response.status, typeof detail === "string" ? detail : text);
};

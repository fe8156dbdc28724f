import ky, { type KyInstance } from "ky";
import { until } from "../../runtime/until.ts";
import { type Counts, dagId } from "../../stack/airflow-run.ts";

export interface DagRun {
  dag_run_id: string;
  state: "queued" | "running" | "success" | "failed";
  run_type: string;
  run_after: string;
}

export interface TaskInstance {
  task_id: string;
  state: string | null;
  try_number: number;
  max_tries: number;
}

/** The DAG through Airflow's REST API, as any client would use it. */
export interface Airflow {
  url: string;
  isPaused: () => Promise<boolean>;
  unpause: () => Promise<void>;
  /** Starts a manual run with these params. Throws what Airflow answers where it refuses them. */
  trigger: (conf?: Record<string, unknown>, runId?: string) => Promise<DagRun>;
  runs: () => Promise<DagRun[]>;
  /** Waits until a run has ended, well or not. */
  ended: (runId: string, withinMs?: number) => Promise<DagRun>;
  tasks: (runId: string) => Promise<Map<string, TaskInstance>>;
  /** Clears the whole run, or one task of it with all that follow, to be run again. */
  clear: (runId: string, from?: string) => Promise<void>;
  /** Sets a run's state as a person does in the UI. */
  mark: (runId: string, state: "success" | "failed") => Promise<void>;
  countsOf: (runId: string, taskId: string) => Promise<Counts>;
  /** What Airflow kept of a task's output. */
  logOf: (runId: string, taskId: string, attempt: number) => Promise<string>;
}

/** Logs in to the Airflow that the environment names, for one of its DAGs. */
export async function openAirflow(env = process.env, dag: string = dagId): Promise<Airflow> {
  const { AIRFLOW_URL: url = "", AIRFLOW_USER: username, AIRFLOW_PASSWORD: password } = env;
  const { access_token } = await ky
    .post(`${url}/auth/token`, { json: { username, password } })
    .json<{ access_token: string }>();
  const api = ky.extend({
    prefix: `${url}/api/v2`,
    timeout: 30_000,
    headers: { authorization: `Bearer ${access_token}` },
    hooks: { afterResponse: [sayWhy] },
  });
  return { url, ...operations(api, dag) };
}

function operations(api: KyInstance, dag: string): Omit<Airflow, "url"> {
  const path = `dags/${dag}`;
  const at = (runId: string, ...rest: string[]) =>
    [path, "dagRuns", ...[runId, ...rest].map(encodeURIComponent)].join("/");

  const self: Omit<Airflow, "url"> = {
    async isPaused() {
      await until("Airflow knows the DAG", () => api.get(path, { throwHttpErrors: false }).then(({ ok }) => ok));
      return (await api.get(path).json<{ is_paused: boolean }>()).is_paused;
    },

    async unpause() {
      if (!(await self.isPaused())) return;
      await api.patch(path, { json: { is_paused: false } });
    },

    trigger: (conf = {}, runId) =>
      api
        .post(`${path}/dagRuns`, { json: { logical_date: null, conf, ...(runId && { dag_run_id: runId }) } })
        .json<DagRun>(),

    runs: async () =>
      (await api.get(`${path}/dagRuns`, { searchParams: { order_by: "-run_after" } }).json<{ dag_runs: DagRun[] }>())
        .dag_runs,

    ended: (runId, withinMs = 180_000) =>
      until(
        `the run ${runId} has ended`,
        async () => {
          const run = await api.get(at(runId)).json<DagRun>();
          if (run.state === "success" || run.state === "failed") return run;
          throw new Error(JSON.stringify({ state: run.state, tasks: [...(await self.tasks(runId)).values()] }));
        },
        { withinMs, everyMs: 300 },
      ),

    async tasks(runId) {
      const { task_instances } = await api.get(at(runId, "taskInstances")).json<{ task_instances: TaskInstance[] }>();
      return new Map(task_instances.map((task) => [task.task_id, task]));
    },

    async clear(runId, from) {
      const which = from ? { task_ids: [from], include_downstream: true } : {};
      await api.post(`${path}/clearTaskInstances`, {
        json: { dag_run_id: runId, dry_run: false, only_failed: false, reset_dag_runs: true, ...which },
      });
    },

    async mark(runId, state) {
      await api.patch(at(runId), { json: { state } });
    },

    async countsOf(runId, taskId) {
      const entry = at(runId, "taskInstances", taskId, "xcomEntries", "return_value");
      return (await api.get(entry).json<{ value: Counts }>()).value;
    },

    async logOf(runId, taskId, attempt) {
      const { content } = await api
        .get(at(runId, "taskInstances", taskId, "logs", String(attempt)), { searchParams: { full_content: true } })
        .json<{ content: { event: string; [detail: string]: unknown }[] }>();
      return content.map((line) => JSON.stringify(line)).join("\n");
    },
  };
  return self;
}

/** ky's own message names status and URL alone; Airflow's says which param was wrong. */
const sayWhy = async ({ response }: { response: Response }) => {
  if (response.status >= 400 && response.status !== 404)
    throw new Error(`Airflow answers ${response.status}: ${await response.text()}`);
};

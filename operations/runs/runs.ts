import type { Airflow, Counts, DagRun, TaskInstance } from "../airflow.ts";

/** A task of a run. */
export interface RunTask {
  task: string;
  /** As Airflow names it; null before it is scheduled. */
  state: string | null;
  /** From 1; 0 before the first. */
  attempt: number;
  maxAttempts: number;
  startedAt: string | null;
  /** In seconds; so far, if it is running. */
  seconds: number | null;
  /** Once it has succeeded. */
  counts: Counts | undefined;
}

export interface Run {
  id: string;
  state: DagRun["state"];
  type: string;
  /** When it was due; the time of its records. */
  runAfter: string;
  startedAt: string | null;
  /** In seconds; so far, if it is running. */
  seconds: number | null;
  conf: Record<string, unknown>;
  tasks: RunTask[];
}

/** Makes calls to Airflow, as `keepAirflow` returns it. */
type WithAirflow = <T>(work: (airflow: Airflow) => Promise<T>) => Promise<T>;

const maxKept = 1_000;

/** Airflow's runs with their tasks and counts. The counts of an attempt that has ended are asked for once. */
export function openRuns(withAirflow: WithAirflow) {
  const kept = new Map<string, Counts | undefined>();

  async function countsOf(airflow: Airflow, { dag_run_id: run, task_id: task, state, end_date: end }: TaskInstance) {
    if (state !== "success") return undefined;
    const key = `${run} ${task} ${end}`;
    if (!kept.has(key)) {
      kept.set(key, await airflow.countsOf(run, task).catch(() => undefined));
      for (const oldest of kept.keys()) if (kept.size > maxKept) kept.delete(oldest);
    }
    return kept.get(key);
  }

  async function withTasks(airflow: Airflow, runs: readonly DagRun[]): Promise<Run[]> {
    const tasks = await airflow.tasksOf(runs.map(({ dag_run_id: id }) => id));
    return Promise.all(
      runs.map(async (run) => {
        const ofRun = (tasks.get(run.dag_run_id) ?? []).map(async (task) =>
          taskOf(task, await countsOf(airflow, task)),
        );
        return runOf(run, await Promise.all(ofRun));
      }),
    );
  }

  return {
    /** The newest first. */
    recent: (limit: number, offset = 0): Promise<Run[]> =>
      withAirflow(async (airflow) => withTasks(airflow, await airflow.runs(limit, offset))),
    one: (id: string): Promise<Run> =>
      withAirflow(async (airflow) => (await withTasks(airflow, [await airflow.run(id)]))[0] as Run),
  };
}

export const isActive = ({ state }: Pick<Run, "state">) => state === "queued" || state === "running";

const runOf = (run: DagRun, tasks: RunTask[]): Run => ({
  id: run.dag_run_id,
  state: run.state,
  type: run.run_type,
  runAfter: run.run_after,
  startedAt: run.start_date,
  seconds: secondsOf(run.start_date, run.end_date),
  conf: run.conf ?? {},
  tasks,
});

const taskOf = (task: TaskInstance, counts: Counts | undefined): RunTask => ({
  task: task.task_id,
  state: task.state,
  attempt: task.try_number,
  maxAttempts: task.max_tries + 1,
  startedAt: task.start_date,
  seconds: task.duration ?? secondsOf(task.start_date, task.end_date),
  counts,
});

function secondsOf(start: string | null, end: string | null): number | null {
  return start === null ? null : Math.max(0, ((end ? Date.parse(end) : Date.now()) - Date.parse(start)) / 1_000);
}

import { type Airflow, type Counts, type DagRun, openAirflow } from "../airflow.ts";

/** The tasks of the pipeline's DAG, in order. */
export const stages = ["fetch", "format", "backup", "produce"] as const;
export type Stage = (typeof stages)[number];

export interface StageFacts {
  /** As Airflow calls it: success, failed, running, up_for_retry, …; null if it has not started. */
  state: string | null;
  /** In seconds. */
  duration: number | null;
  endedMs?: number;
  counts?: Pick<Counts, "read" | "written" | "rejected">;
}

/** The newest run of the DAG. */
export interface RunFacts {
  id: string;
  state: string;
  atMs: number;
  stages: Map<Stage, StageFacts>;
}

interface Login {
  AIRFLOW_URL: string;
  AIRFLOW_USER: string;
  AIRFLOW_PASSWORD: string;
}

/** How often Airflow is asked at most, in milliseconds: an answer costs it more than any other service. */
const everyMs = 5_000;

/** The newest run and what its tasks have counted; undefined if there is none. What has ended is not asked for again. */
export function openRunLook(login: Login): () => Promise<RunFacts | undefined> {
  let airflow: Promise<Airflow> | undefined;
  let last: { version: string; facts: RunFacts } | undefined;
  let askedMs = 0;
  return async () => {
    if (last && Date.now() - askedMs < everyMs) return last.facts;
    airflow ??= openAirflow({ ...login });
    try {
      const open = await airflow;
      const [run] = await open.runs(1);
      askedMs = Date.now();
      if (!run) return undefined;
      const hasEnded = run.state === "success" || run.state === "failed";
      const version = `${run.dag_run_id} ${run.state} ${run.end_date}`;
      if (!hasEnded || last?.version !== version) last = { version, facts: await factsOf(open, run, last?.facts) };
      return last.facts;
    } catch (error) {
      airflow = undefined; // logs in again: the token may have expired
      throw error;
    }
  };
}

async function factsOf(airflow: Airflow, run: DagRun, before: RunFacts | undefined): Promise<RunFacts> {
  const tasks = await airflow.tasks(run.dag_run_id);
  const facts = stages.map(async (stage): Promise<[Stage, StageFacts]> => {
    const task = tasks.get(stage);
    const endedMs = task?.end_date ? Date.parse(task.end_date) : undefined;
    const known = before?.id === run.dag_run_id ? before.stages.get(stage) : undefined;
    const isSame = known?.endedMs === endedMs && known?.state === task?.state;
    const hasCounts = task?.state === "success";
    const counts = !hasCounts
      ? undefined
      : isSame && known?.counts
        ? known.counts
        : await airflow.countsOf(run.dag_run_id, stage).catch(() => undefined);
    return [
      stage,
      {
        state: task?.state ?? null,
        duration: task?.duration ?? null,
        ...(endedMs !== undefined && { endedMs }),
        ...(counts && { counts }),
      },
    ];
  });
  return {
    id: run.dag_run_id,
    state: run.state,
    atMs: Date.parse(run.run_after),
    stages: new Map(await Promise.all(facts)),
  };
}

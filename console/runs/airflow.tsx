import { HTTPError } from "ky";
import { AirflowRefusal, type DagParam, dagId, keepAirflow } from "../../operations/airflow.ts";
import { openRuns } from "../../operations/runs/runs.ts";
import { shownAddress } from "../../runtime/addresses.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { openSight } from "../away.tsx";
import type { Clients } from "../clients.ts";

export type Params = Record<string, DagParam>;

const patience = { timeout: 4_000, retry: 0 };

/** Airflow as the pages of runs use it. */
export function openAirflowView({ web, env }: Pick<Clients, "web" | "env">) {
  const { AIRFLOW_USER, AIRFLOW_PASSWORD } = env;
  const login = { AIRFLOW_USER: AIRFLOW_USER || "admin", AIRFLOW_PASSWORD: AIRFLOW_PASSWORD || "admin" };
  const kept = keepAirflow({ AIRFLOW_URL: web.airflow, ...login }, patience);
  const withAirflow: typeof kept = async (work) => {
    if (web.airflow === undefined) throw new Error("its address is not known; set AIRFLOW_URL");
    return kept(work).catch((error) => {
      if (error instanceof HTTPError && error.response.status === 404)
        throw new AirflowRefusal(404, `there is no such run of ${dagId}, or the DAG is not known yet`);
      if (error instanceof AirflowRefusal) throw error;
      throw new Error(`${shownAddress(web.airflow ?? "")}: ${messageOf(error)}`);
    });
  };
  let params: Params | undefined;
  const details = async () => {
    const found = await withAirflow((airflow) => airflow.details());
    params = found.params;
    return found;
  };
  return {
    withAirflow,
    runs: openRuns(withAirflow),
    /** Whether it is paused, and its params. */
    details,
    /** The DAG's params as they were last known. */
    params: () => params,
    /** Asks, and says what is wrong if there is no answer. */
    ask: openSight("Airflow", (error) => error instanceof AirflowRefusal),
  };
}

export type AirflowView = ReturnType<typeof openAirflowView>;

/** Where a run is in Airflow's own pages. */
export const airflowPath = (runId: string, task?: string) =>
  `/dags/${dagId}/runs/${encodeURIComponent(runId)}${task === undefined ? "" : `/tasks/${encodeURIComponent(task)}`}`;

/**
 * Airflow's address as a browser reaches it: a name that only containers know, and loopback, become the name by which the
 * browser reaches the console.
 */
export function airflowUrl({ web, config }: Pick<Clients, "web" | "config">, consoleUrl: string): string {
  const { hostname } = new URL(consoleUrl);
  const url = new URL(web.airflow ?? `http://localhost:${config.ports.airflow}`);
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname) || !url.hostname.includes(".");
  if (isLocal) url.hostname = hostname;
  if (isLocal && web.airflow !== undefined && !new URL(web.airflow).hostname.includes("."))
    url.port = String(config.ports.airflow);
  return url.href.replace(/\/$/, "");
}

import { shownAddress } from "../../runtime/addresses.ts";
import { dagId } from "../airflow.ts";
import type { Clients } from "./clients.ts";
import type { Cures } from "./cures.ts";
import type { Check, Finding } from "./finding.ts";

export const airflowCheck: Check = { what: "DAGs and heartbeats", of: ["Airflow"], look: lookAtAirflow };

const about = "Airflow";

/** Heartbeats, DAGs that cannot be imported, and whether the pipeline's DAG is there and runs. */
async function lookAtAirflow({ web, login, cures }: Clients, stop: AbortSignal): Promise<Finding[]> {
  if (web.airflow === undefined) return [];
  const url = web.airflow;
  const response = await fetch(`${url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify(login),
    signal: stop,
  });
  if (!response.ok)
    return [
      {
        severity: "warning",
        about,
        cause: `${shownAddress(url)} refuses the login of ${login.username} (status ${response.status}), so its DAGs cannot be seen`,
        cure: "Set AIRFLOW_USER and AIRFLOW_PASSWORD",
      },
    ];
  const { access_token } = (await response.json()) as { access_token: string };
  const get = async <T>(path: string): Promise<T> => {
    const headers = { authorization: `Bearer ${access_token}`, connection: "close" };
    const answer = await fetch(`${url}/api/v2/${path}`, { headers, signal: stop });
    if (!answer.ok && answer.status !== 404) throw new Error(`Airflow answers ${answer.status} to ${path}`);
    return (await answer.json()) as T;
  };
  const [health, imports, dag] = await Promise.all([
    get<Health>("monitor/health"),
    get<{ import_errors: ImportError[] }>("importErrors"),
    get<{ dag_id?: string; is_paused?: boolean }>(`dags/${dagId}`),
  ]);
  const broken = imports.import_errors.map((error) => importFinding(error));
  return [
    ...heartbeatFindings(health, cures),
    ...broken,
    ...(dag.dag_id === undefined && broken.length === 0 ? [unknownDag(cures)] : []),
    ...(dag.is_paused ? [paused(cures)] : []),
  ];
}

interface Part {
  status: string | null;
  latest_scheduler_heartbeat?: string | null;
  latest_dag_processor_heartbeat?: string | null;
}
type Health = Record<"metadatabase" | "scheduler" | "dag_processor", Part | undefined>;

function heartbeatFindings({ metadatabase, scheduler, dag_processor: processor }: Health, cures: Cures): Finding[] {
  const finding = (cause: string, program: string): Finding => ({
    severity: "error",
    about,
    cause,
    cure: cures.revive(program),
  });
  const last = (time: string | null | undefined) => (time ? ` since ${time.slice(0, 19)}Z` : "");
  return [
    ...(metadatabase?.status === "healthy" ? [] : [finding("it cannot read its database", "airflow-api-server")]),
    ...(scheduler?.status === "healthy"
      ? []
      : [
          finding(
            `its scheduler has sent no heartbeat${last(scheduler?.latest_scheduler_heartbeat)}: no task starts`,
            "airflow-scheduler",
          ),
        ]),
    ...(processor?.status === "healthy"
      ? []
      : [
          finding(
            `its DAG processor has sent no heartbeat${last(processor?.latest_dag_processor_heartbeat)}: changes of DAGs are not seen`,
            "airflow-dag-processor",
          ),
        ]),
  ];
}

interface ImportError {
  filename: string;
  stack_trace: string;
}

const importFinding = ({ filename, stack_trace }: ImportError): Finding => ({
  severity: "error",
  about: `dags/${filename.replace(/^.*\/dags\//, "")}`,
  cause: `Airflow cannot import it: ${stack_trace.trim().split("\n").at(-1)}`,
  cure: "Correct the file; Airflow reads it again within seconds",
});

const unknownDag = ({ log }: Cures): Finding => ({
  severity: "error",
  about,
  cause: `it does not know the DAG ${dagId}`,
  cure: `Its DAG processor reads them. ${log("airflow-dag-processor")}`,
});

const paused = ({ airflow }: Cures): Finding => ({
  severity: "warning",
  about: `DAG ${dagId}`,
  cause: "it is paused, so no run starts",
  cure: `Unpause it: ${airflow(`dags unpause ${dagId}`)}`,
});

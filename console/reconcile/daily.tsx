import type { Child } from "hono/jsx";
import { openAirflow } from "../../operations/airflow.ts";
import { faulty } from "../../operations/reconcile/report.ts";
import { type Verdict, verdicts } from "../../operations/reconcile/verdict.ts";
import { openSight } from "../away.tsx";
import type { Clients } from "../clients.ts";
import { Count, Time } from "../values.tsx";

const dag = "user_reconcile";
/** Pages within this time have one answer. */
const freshMs = 10_000;

/** The last run of the DAG that compares daily, and the counts that it left. */
export function openDaily({ web, env }: Clients): () => Promise<Child> {
  const see = openSight("Airflow");
  const look = async () => {
    const airflow = await openAirflow(
      {
        AIRFLOW_URL: web.airflow,
        AIRFLOW_USER: env.AIRFLOW_USER || "admin",
        AIRFLOW_PASSWORD: env.AIRFLOW_PASSWORD || "admin",
      },
      dag,
    );
    if (!(await airflow.isKnown())) return undefined;
    const [run] = await airflow.runs();
    return {
      isPaused: await airflow.isPaused(),
      run,
      report: run && (await airflow.xcomOf(run.dag_run_id, "compare")),
    };
  };
  const show = async (): Promise<Child> => {
    if (web.airflow === undefined) return <p class="faint">There is no Airflow here.</p>;
    const seen = await see(look);
    if ("away" in seen) return seen.away;
    if (!seen.value) return <p class="faint">Airflow has no DAG {dag}.</p>;
    const { isPaused, run, report } = seen.value;
    return (
      <>
        {isPaused && (
          <p>
            <span class="warn">paused</span>: the DAG {dag} compares nothing until it is unpaused in Airflow
          </p>
        )}
        {run ? (
          <p>
            <span class={run.state === "success" ? "good" : run.state === "failed" ? "bad" : "warn"}>{run.state}</span>,
            of <Time at={run.run_after} /> <CountsOf report={report} />
          </p>
        ) : (
          <p class="faint">The DAG {dag} has not run yet.</p>
        )}
      </>
    );
  };
  let shown: Promise<Child> | undefined;
  let atMs = 0;
  return () => {
    if (shown && Date.now() - atMs < freshMs) return shown;
    atMs = Date.now();
    shown = show();
    return shown;
  };
}

/** What `compare` has left: anything, if a person has changed it. */
const CountsOf = ({ report }: { report: unknown }) => {
  const counts = (report as { counts?: Partial<Record<Verdict, unknown>> } | undefined)?.counts;
  const known = verdicts.toReversed().filter((verdict) => typeof counts?.[verdict] === "number");
  return (
    <>
      {known.map((verdict) => (
        <>
          {" · "}
          {verdict} <Count of={Number(counts?.[verdict])} />
        </>
      ))}
      {known.some((verdict) => faulty.has(verdict) && Number(counts?.[verdict]) > 0) && (
        <>
          {" "}
          <span class="bad">something is wrong</span>
        </>
      )}
    </>
  );
};

import { dagId } from "../../operations/airflow.ts";
import type { Run, RunTask } from "../../operations/runs/runs.ts";
import { Count, Took as Exactly } from "../values.tsx";

const classes: Record<string, string> = {
  success: "good",
  failed: "bad",
  upstream_failed: "bad",
  up_for_retry: "warn",
  running: "busy",
};

const words: Record<string, string> = {
  upstream_failed: "not run: an earlier one failed",
  up_for_retry: "to be retried",
};

/** A state by shape and word. */
export const State = ({ of }: { of: string | null }) => (
  <span class={classes[of ?? ""] ?? "idle"}>{words[of ?? ""] ?? of?.replaceAll("_", " ") ?? "not yet"}</span>
);

/** What a task has done: what it wrote, and what it did not pass on. */
export const Counts = ({ of }: { of: NonNullable<RunTask["counts"]> }) => (
  <>
    <Count of={of.written} />
    {of.read !== of.written && (
      <>
        {" of "}
        <Count of={of.read} />
      </>
    )}
    {of.rejected > 0 && (
      <>
        {", "}
        <span class="warn">
          <Count of={of.rejected} /> rejected
        </span>
      </>
    )}
    {of.deleted ? (
      <>
        {", "}
        <Count of={of.deleted} /> deleted
      </>
    ) : null}
  </>
);

export const Took = ({ seconds }: { seconds: number | null }) =>
  seconds === null ? <span class="faint">–</span> : <Exactly seconds={seconds} />;

export const runHref = (id: string) => `/runs/${encodeURIComponent(id)}`;
export const logHref = (id: string, task: string) => `${runHref(id)}/log/${encodeURIComponent(task)}`;

/** A run's params, as they were given. */
export function paramsText({ conf }: Pick<Run, "conf">): string {
  const given = Object.entries(conf).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  return given.map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(", ") : String(value)}`).join(" · ");
}

/** Says that the DAG is paused, with a button. */
export const Paused = () => (
  <form class="inline" method="post" action="/runs/unpause">
    <p class="warn">{dagId} is paused: no run starts, and those that are triggered wait.</p>
    <button type="submit">Unpause</button>
  </form>
);

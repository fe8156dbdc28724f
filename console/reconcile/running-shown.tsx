import { plural } from "../../contract/entity.ts";
import type { Step } from "../../operations/reconcile/reconcile.ts";
import { Count, Time } from "../values.tsx";
import type { Running, Scope } from "./comparisons.ts";

const units: Record<Step, string> = {
  topics: "records",
  runs: plural,
  Cassandra: "rows",
  PostgreSQL: "rows",
  "second look": plural,
};

/** How far a comparison is. */
export const RunningShown = ({ running: { scope, repairs, startedMs, steps } }: { running: Running }) => (
  <div role="status" class="running">
    <p>
      {repairs === undefined ? "Comparing" : "Comparing again, and repairing"} {scopeText(scope)}; begun{" "}
      <Time at={startedMs} ago />
    </p>
    <ul>
      {[...steps].map(([step, { rows, isDone }]) => (
        <li>
          <span class={isDone ? "good" : "warn"}>{step}</span>{" "}
          {rows > 0 || isDone ? (
            <>
              <Count of={rows} /> {units[step]}
            </>
          ) : (
            "reading"
          )}
        </li>
      ))}
    </ul>
    <form method="post" action="/reconcile/stop">
      <button type="submit">Stop</button>
    </form>
  </div>
);

export const scopeText = ({ since, run }: Scope) =>
  run !== undefined
    ? `the ${plural} of run ${run}`
    : since !== undefined
      ? `${plural} since ${since}`
      : `all ${plural}`;

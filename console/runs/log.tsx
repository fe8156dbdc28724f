import type { LogEvent } from "../../operations/airflow.ts";
import { Time } from "../values.tsx";

const maxEvents = 2_000;
const maxTextLength = 4_000;

/** What belongs to Airflow's own reports, and says nothing about the task. */
const isGrouping = ({ event }: LogEvent) => /^::(end)?group::/.test(String(event));
/** What each event has and nobody looks for. */
const unshown = new Set(
  "timestamp event level logger filename lineno dag_id run_id task_id ti_id try_number map_index".split(" "),
);

/** A task's log, one event a row; of a long one, its end. */
export function LogTable({ events }: { events: readonly LogEvent[] }) {
  const all = events.filter((event) => !isGrouping(event));
  if (all.length === 0) return <p>Airflow has no log of this attempt yet.</p>;
  const last = all.slice(-maxEvents);
  return (
    <>
      {last.length < all.length && (
        <p class="faint">
          The last {maxEvents} of {all.length} events.
        </p>
      )}
      <div class="wide">
        <table class="log">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Level</th>
              <th scope="col">Event</th>
            </tr>
          </thead>
          <tbody>
            {last.map((event) => (
              <tr>
                <td>
                  {typeof event.timestamp === "string" && isTime(event.timestamp) && <Time at={event.timestamp} />}
                </td>
                <td>
                  <span class={levelClass(event.level)}>{String(event.level ?? "")}</span>
                </td>
                <td>
                  {String(event.event).slice(0, maxTextLength)}
                  <Details of={event} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

const isTime = (text: string) => !Number.isNaN(Date.parse(text));
const levelClass = (level: unknown) =>
  level === "error" || level === "critical" ? "bad" : level === "warning" ? "warn" : "faint";

const Details = ({ of }: { of: LogEvent }) => {
  const details = Object.entries(of).filter(([name, value]) => !unshown.has(name) && value !== null && value !== "");
  if (details.length === 0) return null;
  const text = details.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return (
    <details>
      <summary class="faint">details</summary>
      <pre>{text.join("\n").slice(0, maxTextLength)}</pre>
    </details>
  );
};

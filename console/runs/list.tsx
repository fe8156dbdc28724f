import type { Run, RunTask } from "../../operations/runs/runs.ts";
import { Time } from "../values.tsx";
import { Counts, logHref, paramsText, runHref, State, Took } from "./states.tsx";

/** Runs, the newest first, with their tasks side by side. */
export function RunList({ runs, page, perPage }: { runs: readonly Run[]; page: number; perPage: number }) {
  if (runs.length === 0) return page === 1 ? <p>There are no runs yet.</p> : <p>There are no older runs.</p>;
  const tasks = [...new Set(runs.flatMap((run) => run.tasks.map(({ task }) => task)))];
  return (
    <>
      <div class="wide">
        <table class="runs">
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Took
              </th>
              {tasks.map((task) => (
                <th scope="col">{task}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr>
                <th scope="row">
                  <a href={runHref(run.id)} title={run.id}>
                    <Time at={run.runAfter} />
                  </a>
                  <div class="faint">{[run.type, paramsText(run)].filter(Boolean).join(" · ")}</div>
                </th>
                <td>
                  <State of={run.state} />
                </td>
                <td class="number">
                  <Took seconds={run.seconds} />
                </td>
                {tasks.map((name) => (
                  <td>
                    <TaskCell run={run} task={run.tasks.find(({ task }) => task === name)} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="pager">
        {page > 1 && <a href={page === 2 ? "/runs" : `/runs?page=${page - 1}`}>Newer runs</a>}
        {runs.length === perPage && <a href={`/runs?page=${page + 1}`}>Older runs</a>}
      </p>
    </>
  );
}

const TaskCell = ({ run, task }: { run: Run; task: RunTask | undefined }) => {
  if (!task) return <span class="faint">–</span>;
  return (
    <>
      {task.counts ? (
        <span class="good">
          <Counts of={task.counts} />
        </span>
      ) : (
        <State of={task.state} />
      )}
      {task.attempt > 0 && (
        <div class="faint">
          <Took seconds={task.seconds} />
          {task.attempt > 1 && ` · attempt ${task.attempt}`}
          {" · "}
          <a href={logHref(run.id, task.task)} aria-label={`Log of ${task.task}, run ${run.id}`}>
            log
          </a>
        </div>
      )}
    </>
  );
};

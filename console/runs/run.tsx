import type { Context as RequestContext } from "hono";
import { plural } from "../../contract/entity.ts";
import { followRunUsers, type RunUsers } from "../../operations/runs/run-users.ts";
import { isActive, type Run } from "../../operations/runs/runs.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients } from "../clients.ts";
import type { Context } from "../part.ts";
import { titleOf } from "../users/shown.tsx";
import { Time } from "../values.tsx";
import type { AirflowView } from "./airflow.tsx";
import { LogTable } from "./log.tsx";
import { RunUsersView, type Wanted } from "./run-users.tsx";
import { Counts, logHref, Paused, paramsText, runHref, State, Took } from "./states.tsx";
import { whileActive } from "./while-active.ts";

/** One run: its tasks, their logs, and where its users are. */
export function registerRun({ app, live, page, clients }: Context, airflow: AirflowView) {
  live.add("run", {
    everyMs: 1_000,
    render: whileActive(async (id) => {
      const sight = await airflow.ask(() => Promise.all([airflow.runs.one(id), airflow.details()]));
      if ("away" in sight) return { shown: sight.away, isActive: false };
      const [run, { is_paused: isPaused }] = sight.value;
      return { shown: <Tasks run={run} isPaused={isPaused} />, isActive: isActive(run) };
    }),
  });

  const usersOf = openFollowers(clients);
  live.add("run-users", {
    everyMs: 1_000,
    async render(about) {
      const wanted = wantedIn(about);
      if (clients.runsFolder === undefined)
        return (
          <p class="warn">The runs' files are not on this machine, so its {plural} are not known here. Set RUNS_DIR.</p>
        );
      const of = await usersOf(wanted.runId);
      return of ? <RunUsersView of={of} {...wanted} /> : <p class="faint">The run has written no file yet.</p>;
    },
  });

  app.get("/runs/:run", async (c) => {
    const runId = c.req.param("run");
    const number = Math.max(1, Math.trunc(Number(c.req.query("page"))) || 1);
    const about = `${c.req.query("only") === "open" ? "open" : "all"} ${number} ${runId}`;
    const [tasks, followed] = await Promise.all([
      live.show("run", runId, <p class="faint">Asking Airflow …</p>),
      live.show("run-users", about, <p class="faint">Reading …</p>),
    ]);
    return page(c, {
      title: `Run ${runId}`,
      body: (
        <>
          <p class="pager">
            <a href="/runs">All runs</a>
            <a href={`${runHref(runId)}/airflow`}>In Airflow</a>
          </p>
          {tasks}
          <h2>Its {plural}</h2>
          {followed}
        </>
      ),
    });
  });

  registerLog({ app, live, page }, airflow);
}

function wantedIn(about: string): Wanted {
  const [, only, page, runId = ""] = /^(\w+) (\d+) (.*)$/s.exec(about) ?? [];
  return { runId, page: Number(page), isOpen: only === "open" };
}

const maxFollowed = 8;
const oldAfterMs = 600_000;
const oldEveryMs = 10_000;

/** The runs that somebody looks at. Each is asked about once for all; one whose files are old, less often. */
function openFollowers(clients: Clients) {
  const followed = new Map<
    string,
    { look: ReturnType<typeof followRunUsers>; last?: Promise<RunUsers | undefined>; untilMs: number }
  >();
  return async (runId: string): Promise<RunUsers | undefined> => {
    const one = followed.get(runId) ?? { look: followRunUsers(clients, clients.runsFolder ?? "", runId), untilMs: 0 };
    followed.delete(runId);
    followed.set(runId, one);
    for (const oldest of followed.keys()) if (followed.size > maxFollowed) followed.delete(oldest);
    if (one.last && performance.now() < one.untilMs) return one.last;
    one.untilMs = Number.POSITIVE_INFINITY;
    one.last = one.look();
    const isOld = await one.last.then(
      (users) => users !== undefined && Date.now() - users.changedMs > oldAfterMs,
      () => false,
    );
    one.untilMs = performance.now() + (isOld ? oldEveryMs : 900);
    return one.last;
  };
}

const Tasks = ({ run, isPaused }: { run: Run; isPaused: boolean }) => (
  <>
    {isPaused && isActive(run) && <Paused />}
    <p>
      <State of={run.state} />{" "}
      <span class="faint">{[run.type, paramsText(run)].filter(Boolean).join(" · ")} · records of </span>
      <Time at={run.runAfter} />
      {run.seconds !== null && (
        <>
          <span class="faint"> · took </span>
          <Took seconds={run.seconds} />
        </>
      )}
    </p>
    <div class="wide">
      <table class="runs compact">
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">State</th>
            <th scope="col">Started</th>
            <th scope="col" class="number">
              Took
            </th>
            <th scope="col">Written</th>
            <th scope="col">Attempt</th>
            <th scope="col">Log</th>
          </tr>
        </thead>
        <tbody>
          {run.tasks.map((task) => (
            <tr>
              <th scope="row">{task.task}</th>
              <td>
                <State of={task.state} />
              </td>
              <td>{task.startedAt && <Time at={task.startedAt} />}</td>
              <td class="number">
                <Took seconds={task.seconds} />
              </td>
              <td>{task.counts ? <Counts of={task.counts} /> : <span class="faint">–</span>}</td>
              <td>{task.attempt > 0 && `${task.attempt} of at most ${task.maxAttempts}`}</td>
              <td>
                {task.attempt > 0 && (
                  <a href={logHref(run.id, task.task)} aria-label={`Log of ${task.task}`}>
                    log
                  </a>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </>
);

function registerLog({ app, live, page }: Pick<Context, "app" | "live" | "page">, airflow: AirflowView) {
  const read = new Map<string, number>();
  live.add("run-log", {
    everyMs: 1_500,
    render: whileActive(async (about) => {
      const [, attempt = "", task = "", runId = ""] = /^(\d+) (\S+) (.*)$/s.exec(about) ?? [];
      const sight = await airflow.ask(() => airflow.withAirflow((one) => one.logOf(runId, task, Number(attempt))));
      if ("away" in sight) return { shown: sight.away, isActive: false };
      const isLonger = read.get(about) !== sight.value.length;
      if (read.size > 100) read.clear();
      read.set(about, sight.value.length);
      return { shown: <LogTable events={sight.value} />, isActive: isLonger };
    }),
  });

  app.get("/runs/:run/log/:task", async (c: RequestContext<object, "/runs/:run/log/:task">) => {
    const { run: runId, task } = c.req.param();
    const known = await Promise.race([airflow.runs.one(runId).catch(messageOf), Bun.sleep(500)]);
    const attempts = (typeof known === "object" && known.tasks.find((one) => one.task === task)?.attempt) || 1;
    const attempt = Math.max(1, Math.min(1_000, Math.trunc(Number(c.req.query("attempt"))) || attempts));
    const events = await live.show("run-log", `${attempt} ${task} ${runId}`, <p class="faint">Asking Airflow …</p>);
    return page(c, {
      title: `${titleOf(task)}, run ${runId}`,
      body: (
        <>
          <p class="pager">
            <a href={runHref(runId)}>The run</a>
            <a href={`${runHref(runId)}/airflow?task=${encodeURIComponent(task)}`}>In Airflow</a>
            {attemptsOf(Math.max(attempts, attempt)).map((number) => (
              <a
                href={`${logHref(runId, task)}?attempt=${number}`}
                aria-current={number === attempt ? "page" : undefined}
              >
                Attempt {number}
              </a>
            ))}
          </p>
          {events}
        </>
      ),
    });
  });
}

/** The attempts to choose from, the last ones if there are many. */
const attemptsOf = (last: number) =>
  last === 1 ? [] : Array.from({ length: Math.min(last, 20) }, (_, index) => Math.max(0, last - 20) + index + 1);

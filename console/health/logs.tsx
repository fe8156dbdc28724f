import type { Child } from "hono/jsx";
import { type Level, levels } from "../../operations/logs/line.ts";
import { type LogEntry, type LogQuery, type Logs, openLogs, tailBytes } from "../../operations/logs/logs.ts";
import { assetUrl } from "../assets.ts";
import { LiveFragment } from "../fragment.tsx";
import type { Context } from "../part.ts";
import { Time } from "../values.tsx";

const shownLines = 300;
const maxFilterLength = 200;

/** The logs of the native stack's programs, one or all, which follow what is written. */
export function registerLogs({ app, live, page, clients: { stackFolder } }: Context) {
  const logs = stackFolder === undefined ? undefined : openLogs(stackFolder);
  if (logs !== undefined) live.add("logs", { everyMs: 1_500, render: openLines(logs) });

  app.get("/logs", (c) => {
    if (logs === undefined)
      return page(c, {
        title: "Logs",
        body: (
          <p>
            The logs cannot be seen from here: see <code>docker compose logs SERVICE</code>, with <code>-f</code> to
            follow.
          </p>
        ),
      });
    const query = queryOf(new URL(c.req.url).searchParams, logs);
    return page(c, {
      title: "Logs",
      body: (
        <>
          <Choice query={query} programs={logs.programs()} />
          <div class="log" id="log" tabindex={0} role="log" aria-live="off" aria-label="Log, oldest line first">
            <LiveFragment name="logs" about={keyOf(query)}>
              <Lines entries={logs.tail(query)} isMerged={query.program === undefined} />
            </LiveFragment>
          </div>
          <p class="faint" id="log-end">
            The last {shownLines} lines that fit, of the last {tailBytes / 1_024} KB of each log.{" "}
            <button type="button" id="follow" aria-pressed="true" hidden>
              Following
            </button>{" "}
            <output id="held" />
          </p>
          <script type="module" src={assetUrl("follow.js")} />
        </>
      ),
    });
  });
}

/** Renders the lines that a query in a fragment's key asks for, again only if there are others. */
function openLines(logs: Logs) {
  let [seen, html]: [string, Child] = ["", ""];
  return (about: string) => {
    const query = queryOf(new URLSearchParams(about), logs);
    const entries = logs.tail(query);
    const [first, last] = [entries[0], entries.at(-1)];
    const now = [about, entries.length, first && idOf(first), last && idOf(last)].join(" ");
    if (now !== seen) [seen, html] = [now, String(<Lines entries={entries} isMerged={query.program === undefined} />)];
    return html;
  };
}

function queryOf(given: URLSearchParams, logs: Logs): LogQuery {
  const program = logs.programs().find((name) => name === given.get("program"));
  const level = levels.find((name) => name === given.get("level"));
  return { program, level, filter: (given.get("filter") ?? "").slice(0, maxFilterLength), lines: shownLines };
}

const keyOf = ({ program = "", filter = "", level }: LogQuery) =>
  new URLSearchParams({ program, filter, level: level ?? "" }).toString();

const choices: Record<Level, string> = {
  debug: "all",
  info: "info and above",
  warning: "warnings and errors",
  error: "errors",
};

const Choice = ({ query, programs }: { query: LogQuery; programs: string[] }) => (
  <search>
    <form class="inline" action="/logs">
      <label>
        Program
        <select name="program">
          <option value="">all, merged by time</option>
          {programs.map((name) => (
            <option value={name} selected={name === query.program}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Level
        <select name="level">
          {levels.map((name) => (
            <option value={name} selected={name === query.level}>
              {choices[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Containing
        <input name="filter" value={query.filter} maxlength={maxFilterLength} />
      </label>
      <button type="submit">Show</button>
    </form>
  </search>
);

const Lines = ({ entries, isMerged }: { entries: LogEntry[]; isMerged: boolean }) =>
  entries.length === 0 ? (
    <p class="faint">No line fits.</p>
  ) : (
    entries.map((entry) => <Line entry={entry} isMerged={isMerged} />)
  );

const Line = ({ entry, isMerged }: { entry: LogEntry; isMerged: boolean }) => {
  const { program, atMs, level, text, timeLength } = entry;
  return (
    <p id={idOf(entry)}>
      {timeLength > 0 && atMs !== undefined && <Time at={atMs} clock />}
      {isMerged && <b>{program}</b>}
      {timeLength > 0 && level === "error" && <span class="bad">error</span>}
      {timeLength > 0 && level === "warning" && <span class="warn">warning</span>}
      <span>{timeLength > 0 ? text.slice(timeLength).trim() : text}</span>
    </p>
  );
};

const idOf = ({ program, file, offset }: LogEntry) => `${program}-${file}-${offset}`;

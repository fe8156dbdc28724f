import { namingFields, singular } from "../../contract/entity.ts";
import { idsOf, type Named, type Report, whereIs } from "../../operations/where/where.ts";
import type { Part } from "../part.ts";
import { titleOf, whereHref } from "../users/shown.tsx";
import { ReportView } from "./report.tsx";

const maxTextLength = 400;
/** How long one service may take, in milliseconds; the rest is shown without it. */
const answerWithinMs = 2_500;
/** How many of several users of the same name are shown at once; the others are links. */
const maxReports = 3;

const names = ["id", ...namingFields].map((name) => name.replaceAll("_", " "));
const label = titleOf(`${names.slice(0, -1).join(", ")} or ${names.at(-1)}`);

/** Everything that is known about one user. */
export const where: Part = {
  nav: { path: "/where", title: "Where is …?" },
  register({ app, live, page, clients }) {
    live.add("where", {
      everyMs: 2_000,
      render: inProportion(async (text) => {
        const named = await idsOf(clients, text, { answerWithinMs });
        const reports: Report[] = [];
        for (const id of named.ids.slice(0, maxReports)) reports.push(await whereIs(clients, id, { answerWithinMs }));
        const isWhole = [named, ...reports].every(({ away }) => away.length === 0);
        return { shown: <Found text={text} named={named} reports={reports} />, isWhole };
      }),
    });

    app.get("/where", async (c) => {
      const given = c.req.query(singular)?.trim() ?? "";
      const text = given.slice(0, maxTextLength);
      const found = text && (await live.show("where", text, <p class="faint">Looking …</p>));
      return page(c, {
        title: "Where is …?",
        body: (
          <>
            <search>
              <form class="inline" method="get" action="/where">
                <label>
                  {label}
                  <input
                    type="search"
                    name={singular}
                    value={text}
                    required
                    maxlength={maxTextLength}
                    size={40}
                    autocomplete="off"
                    spellcheck={false}
                  />
                </label>
                <button type="submit">Look</button>
              </form>
            </search>
            {given.length > maxTextLength && (
              <p role="alert">This is longer than {maxTextLength} characters; only the beginning was looked for.</p>
            )}
            {found}
          </>
        ),
      });
    });
  },
};

const leastMs = 5_000;

/**
 * Looks again after ten times as long as the last look took, and at least five seconds; after five seconds if a service was
 * away, whose answer it may have waited for.
 */
function inProportion<T>(render: (about: string) => Promise<{ shown: T; isWhole: boolean }>) {
  let last: { about: string; shown: T; untilMs: number } | undefined;
  return async (about: string): Promise<T> => {
    const beganMs = performance.now();
    if (last?.about === about && beganMs < last.untilMs) return last.shown;
    const { shown, isWhole } = await render(about);
    const endedMs = performance.now();
    last = { about, shown, untilMs: endedMs + (isWhole ? Math.max(leastMs, 10 * (endedMs - beganMs)) : leastMs) };
    return shown;
  };
}

const Found = ({ text, named, reports }: { text: string; named: Named; reports: readonly Report[] }) => (
  <>
    {named.away.map(({ service, why }) => (
      <p class="bad">
        {service} does not answer: {why}
      </p>
    ))}
    {named.ids.length === 0 && named.away.length === 0 && (
      <p>
        No {singular} has “<bdi>{text}</bdi>” as its {label.toLowerCase()}. It has to be the whole of it.
      </p>
    )}
    {named.ids.length > 1 && (
      <>
        <h2>{named.ids.length} have this</h2>
        <ul>
          {named.ids.map((id) => (
            <li>
              <a href={whereHref(id)}>{id}</a>
            </li>
          ))}
        </ul>
      </>
    )}
    {reports.map((report) => (
      <ReportView of={report} />
    ))}
  </>
);

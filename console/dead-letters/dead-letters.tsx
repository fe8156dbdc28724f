import type { Context as RequestContext } from "hono";
import type { Filter } from "../../operations/dead-letters/letter-log.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import { LiveFragment } from "../fragment.tsx";
import type { Context, Part } from "../part.ts";
import { soon } from "../soon.ts";
import { ActionShown } from "./action-shown.tsx";
import { type Actions, openActions } from "./actions.ts";
import { DismissForm, textIn, WhyFirst } from "./forms.tsx";
import { type Letters, openLetters } from "./letters.ts";
import { LetterList, type Listed, listPath, Summary, withLog } from "./list.tsx";
import { registerLetter } from "./one-letter.tsx";

/** The records that could not be stored: what is wrong with them, and what can be done. */
export const deadLetters: Part = {
  nav: { path: "/dead-letters", title: "Dead letters" },
  register(context) {
    const letters = openLetters(context.clients);
    const actions = openActions(letters);
    registerList(context, letters, actions);
    registerLetter(context, letters, actions);
  },
};

function registerList({ app, live, page }: Context, letters: Letters, actions: Actions) {
  const { topic } = letters;
  const summary = () => withLog(letters, (log) => <Summary log={log} topic={topic} />);
  const list = (listed: Listed) => withLog(letters, (log) => <LetterList log={log} listed={listed} />);
  live.add("letter-summary", { everyMs: 2_000, render: summary });
  live.add("letter-list", { everyMs: 2_000, render: (about) => list(listedIn(about)) });
  live.add("letter-action", { everyMs: 500, render: (id) => <ActionShown action={actions.find(id)} /> });
  const reading = <p class="faint">Reading the letters …</p>;

  app.get("/dead-letters", async (c) => {
    const listed = listedOf(c);
    const action = c.req.query("action");
    if (!listed)
      return page(c, {
        title: "Dead letters",
        body: <LiveFragment name="letter-summary">{(await soon(summary())) ?? reading}</LiveFragment>,
      });
    const about = JSON.stringify([listed.reason, listed.topic ?? null, listed.state, listed.page]);
    return page(c, {
      title: `Dead letters: ${listed.reason}`,
      body: (
        <>
          <p>
            <a href="/dead-letters">All reasons</a>
            {listed.topic !== undefined && ` · records of ${listed.topic}`}
          </p>
          {action !== undefined && (
            <LiveFragment name="letter-action" about={action}>
              <ActionShown action={actions.find(action)} />
            </LiveFragment>
          )}
          <OfAll listed={listed} />
          <LiveFragment name="letter-list" about={about}>
            {(await soon(list(listed))) ?? reading}
          </LiveFragment>
        </>
      ),
    });
  });

  app.post("/dead-letters/replay", async (c) => {
    const { reason, topic: of, step } = await c.req.parseBody();
    const filter = filterOf(reason, of);
    const kind = step === "send" ? "replay" : "dry run";
    const action = actions.start({ kind, selection: { filter }, values: {}, force: false });
    return c.redirect(`${listPath({ ...filter, reason: filter.reason! })}&action=${action}`, 303);
  });
  app.post("/dead-letters/dismiss", async (c) => {
    const { reason, topic: of, because } = await c.req.parseBody();
    const filter = filterOf(reason, of);
    const why = textIn(because).trim();
    if (why === "") return page(c, { title: "Not dismissed", body: <WhyFirst />, status: 422 });
    const action = actions.start({ kind: "dismiss", selection: { filter }, because: why });
    return c.redirect(`${listPath({ ...filter, reason: filter.reason! })}&action=${action}`, 303);
  });
}

function filterOf(reason: unknown, topic: unknown): Filter {
  if (typeof reason !== "string" || reason === "") throw new FinalError("no reason was given");
  return { reason, ...(typeof topic === "string" && topic !== "" && { topic }) };
}

function listedOf(c: RequestContext): Listed | undefined {
  const { reason, topic, state, page } = c.req.query();
  return reason === undefined ? undefined : listedFrom(reason, topic, state, Number(page));
}

const listedIn = (about: string): Listed => {
  const [reason, topic, state, page] = JSON.parse(about);
  return listedFrom(String(reason), topic ?? undefined, state, Number(page));
};

const listedFrom = (reason: string, topic: string | undefined, state: string | undefined, page: number): Listed => ({
  reason,
  ...(topic !== undefined && topic !== "" && { topic }),
  state: state === "settled" || state === "all" ? state : "open",
  page: Number.isInteger(page) && page > 0 ? page : 1,
});

/** What can be done about all letters of a reason. */
const OfAll = ({ listed: { reason, topic } }: { listed: Listed }) => {
  const which = (
    <>
      <input type="hidden" name="reason" value={reason} />
      {topic !== undefined && <input type="hidden" name="topic" value={topic} />}
    </>
  );
  return (
    <div class="of-all">
      <form method="post" action="/dead-letters/replay" class="inline">
        {which}
        <button type="submit">See which can be replayed</button>
      </form>
      <details>
        <summary>Dismiss all open ones</summary>
        <DismissForm action="/dead-letters/dismiss">{which}</DismissForm>
      </details>
    </div>
  );
};

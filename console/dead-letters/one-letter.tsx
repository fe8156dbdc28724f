import type { Context as RequestContext } from "hono";
import { settable, type Texts, textOf } from "../../operations/dead-letters/given.ts";
import { idIn } from "../../operations/dead-letters/letter.ts";
import type { Position } from "../../operations/dead-letters/selection.ts";
import { FinalError, messageOf } from "../../runtime/lifecycle.ts";
import { LiveFragment } from "../fragment.tsx";
import type { Context } from "../part.ts";
import { soon } from "../soon.ts";
import { ActionShown } from "./action-shown.tsx";
import type { Actions } from "./actions.ts";
import { DismissForm, textIn, WhyFirst } from "./forms.tsx";
import { About, lastStateOf, Raw, settlementIn, stateOf, Value } from "./letter-page.tsx";
import type { Checked, Letters, Opened } from "./letters.ts";
import { listPath } from "./list.tsx";
import { inputName, RepairForm, verdictText } from "./repair-form.tsx";

/** How long a request that changes one letter waits for the result; after that, the result appears on the page. */
const actionPatienceMs = 4_000;

/** What was typed into a letter's form, and what is said about it. */
interface Given {
  texts: Texts;
  checked: Checked;
  status: 200 | 422;
}
type ShowLetter = (c: RequestContext, given?: Given) => Promise<Response>;

/** The page of one letter, and what can be done there. */
export function registerLetter(context: Context, letters: Letters, actions: Actions) {
  const { app, page } = context;
  const show = openLetterPage(context, letters, actions);

  app.get("/dead-letters/:at{[0-9]+:[0-9]+}", (c) => show(c));
  app.get("/dead-letters/:at/:step{check|replay|dismiss}", (c) =>
    c.redirect(`/dead-letters/${c.req.param("at")}`, 303),
  );
  app.post("/dead-letters/:at/check", async (c) => {
    const opened = await letters.open(positionIn(c.req.param("at")));
    const texts = textsIn(await c.req.parseBody());
    const checked = await letters.check(opened, texts);
    if (c.req.header("Accept")?.includes("text/html")) return show(c, { texts, checked, status: 200 });
    const faults = Object.fromEntries(checked.faults);
    return c.json({ faults, isStored: checked.obstacle === undefined, text: verdictText(checked) });
  });
  app.post("/dead-letters/:at/replay", async (c) => {
    const position = positionIn(c.req.param("at"));
    const opened = await letters.open(position);
    const body = await c.req.parseBody();
    const force = body.force === "yes";
    const texts = textsIn(body);
    const checked = await letters.check(opened, texts);
    if (checked.obstacle !== undefined && !force) return show(c, { texts, checked, status: 422 });
    return done(
      c,
      position,
      actions.start({ kind: "replay", selection: { positions: [position] }, values: checked.values, force }),
    );
  });
  app.post("/dead-letters/:at/dismiss", async (c) => {
    const position = positionIn(c.req.param("at"));
    const because = textIn((await c.req.parseBody()).because).trim();
    if (because === "") return page(c, { title: "Not dismissed", body: <WhyFirst />, status: 422 });
    return done(c, position, actions.start({ kind: "dismiss", selection: { positions: [position] }, because }));
  });

  async function done(c: RequestContext, { partition, offset }: Position, action: string) {
    await Promise.race([actions.find(action)?.ended, Bun.sleep(actionPatienceMs)]);
    return c.redirect(`/dead-letters/${partition}:${offset}?action=${action}`, 303);
  }
}

function openLetterPage({ live, page }: Context, letters: Letters, actions: Actions): ShowLetter {
  const state = async (at: string) => {
    try {
      return await stateOf(letters, await letters.open(positionIn(at)));
    } catch (error) {
      return <p role="alert">{`What was done about it cannot be seen: ${messageOf(error)}.`}</p>;
    }
  };
  const arrived = async (at: string) => {
    try {
      await letters.open(positionIn(at));
      return (
        <p role="status">
          <a href={`/dead-letters/${at}`}>It has been read: show it</a>
        </p>
      );
    } catch (error) {
      return <p role="alert">{`It cannot be read: ${messageOf(error)}`}</p>;
    }
  };
  live.add("letter-state", { everyMs: 1_000, render: state });
  live.add("letter-reading", { everyMs: 1_000, render: arrived });

  return async (c, given) => {
    const at = c.req.param("at") ?? "";
    const title = `Dead letter ${at}`;
    const opened = await soon(letters.open(positionIn(at))).catch((error: unknown) => ({ error }));
    if (opened && "error" in opened && opened.error instanceof FinalError)
      return page(c, { title, body: <p role="alert">{opened.error.message}</p>, status: 404 });
    if (!opened || "error" in opened) {
      const body = (
        <LiveFragment name="letter-reading" about={at}>
          {opened ? (
            <p role="alert">{`It cannot be read: ${messageOf(opened.error)}`}</p>
          ) : (
            <p class="faint">Reading the letter …</p>
          )}
        </LiveFragment>
      );
      return page(c, { title, body });
    }
    const action = c.req.query("action");
    const stateNow = await soon(state(at));
    const settled = settlementIn(letters.follower.last()?.log, opened.letter)?.action;
    return page(c, {
      title,
      status: given?.status ?? 200,
      body: (
        <>
          <p>
            <a href={listPath({ reason: opened.shown.reason })}>All letters with this reason</a>
          </p>
          {action !== undefined && (
            <LiveFragment name="letter-action" about={action}>
              <ActionShown action={actions.find(action)} />
            </LiveFragment>
          )}
          <LiveFragment name="letter-state" about={at}>
            {stateNow ?? lastStateOf(letters, opened)}
          </LiveFragment>
          <About opened={opened} id={idIn(opened.letter.message.key)} />
          {!opened.record && <Value opened={opened} />}
          <RepairForm
            opened={opened}
            given={given?.texts ?? textsOf(opened)}
            faults={given?.checked.faults ?? letters.faults(opened)}
            verdict={given?.checked}
            settled={settled}
          />
          {settled === undefined && (
            <>
              <h2>Dismiss</h2>
              <p class="faint">Notes that the record is not needed. The letter stays in its topic.</p>
              <DismissForm action={`/dead-letters/${at}/dismiss`} />
            </>
          )}
          <Raw opened={opened} />
        </>
      ),
    });
  };
}

/** @throws FinalError if it is no position */
function positionIn(at: string): Position {
  const [, partition, offset] = /^(\d{1,9}):(\d{1,18})$/.exec(at) ?? [];
  if (partition === undefined || offset === undefined) throw new FinalError(`${at} is no position of a letter`);
  return { partition: Number(partition), offset: BigInt(offset) };
}

const textsOf = ({ record }: Opened): Texts =>
  Object.fromEntries(settable.map(({ name }) => [name, textOf(record?.[name])]));

const textsIn = (body: Record<string, unknown>): Texts =>
  Object.fromEntries(
    settable.flatMap(({ name }) => {
      const text = body[inputName(name)];
      return typeof text === "string" ? [[name, text]] : [];
    }),
  );

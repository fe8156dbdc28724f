import type { Hono } from "hono";
import { raw } from "hono/html";
import type { Child } from "hono/jsx";
import { streamSSE } from "hono/streaming";
import { messageOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";
import { LiveFragment, NotShown } from "./fragment.tsx";

/** A piece of a page that follows the pipeline while somebody looks at it. */
export interface Fragment {
  /** How long after one look the next begins, in milliseconds. */
  everyMs: number;
  /** Renders it. `about` is what comes after the name in its key, such as a run's id. */
  render: (about: string) => Child | Promise<Child>;
}

/** A fragment's key: its name, or `name:about`. */
type Key = string;

export interface Live {
  /** Declares a fragment. In a page it is `<LiveFragment>`, which the browser keeps up to date. */
  add: (name: string, fragment: Fragment) => void;
  /**
   * A fragment for a page, with what it shows now. What takes longer than half a second comes over `/events`; until then
   * the page has `meanwhile`.
   */
  show: (name: string, about: string | undefined, meanwhile: Child) => Promise<Child>;
  /** How many browsers look at any page. */
  watchers: () => number;
  /** Serves `/events`. */
  register: (app: Hono) => void;
}

const maxKeys = 16;
const maxKeyLength = 500;
const maxStreams = 100;
const heartbeatMs = 20_000;
const firstWithinMs = 500;
/** How long a fragment of a page waits for the page's browser to follow it, in milliseconds. */
const lingerMs = 5_000;
/** A rendering that takes longer has failed: the service it asked may never answer. */
const defaultLateMs = 10_000;

/** Each fragment is rendered once for all who look at it, and not at all while nobody does. */
export function openLive(log: Log, lateMs = defaultLateMs): Live {
  const fragments = new Map<string, Fragment>();
  const followed = new Map<Key, ReturnType<typeof follow>>();
  let streams = 0;

  const fragmentOf = (key: Key) => fragments.get(key.split(":", 1)[0] ?? "");

  function followedAt(key: Key, fragment: Fragment) {
    const about = key.slice(key.indexOf(":") + 1);
    const one =
      followed.get(key) ??
      follow(fragment, key.includes(":") ? about : "", lateMs, (error) => {
        log.warn("a fragment cannot be shown", { key, error });
      });
    followed.set(key, one);
    return one;
  }

  function endUnlessWatched(key: Key, one: ReturnType<typeof follow>) {
    if (one.isWatched()) return;
    one.stop();
    if (followed.get(key) === one) followed.delete(key);
  }

  function subscribe(key: Key, fragment: Fragment, send: Send): () => void {
    const one = followedAt(key, fragment);
    one.add(send);
    return () => {
      one.remove(send);
      endUnlessWatched(key, one);
    };
  }

  async function show(name: string, about: string | undefined, meanwhile: Child) {
    const key = about === undefined ? name : `${name}:${about}`;
    const fragment = fragments.get(name);
    if (!fragment) throw new Error(`there is no fragment ${name}`);
    const one = followedAt(key, fragment);
    const end = setTimeout(() => endUnlessWatched(key, one), lingerMs);
    end.unref();
    await Promise.race([one.looked, Bun.sleep(firstWithinMs)]);
    return LiveFragment({ name, about, children: one.html() === "" ? meanwhile : raw(one.html()) });
  }

  return {
    add: (name, fragment) => fragments.set(name, fragment),
    show,
    watchers: () => streams,
    register(app) {
      app.get("/events", (c) => {
        const keys = [...new Set(c.req.queries("show") ?? [])];
        const known = keys.filter((key) => key.length <= maxKeyLength && fragmentOf(key));
        if (keys.length > maxKeys || known.length < keys.length) return c.text("unknown fragments", 400);
        if (streams >= maxStreams) return c.text("too many pages are open", 503);
        return streamSSE(c, async (stream) => {
          streams++;
          const ended = Promise.withResolvers<void>();
          stream.onAbort(() => ended.resolve());
          const send = (key: Key) => (html: string) =>
            void stream
              .writeSSE({ event: "fragment", data: JSON.stringify({ key, html }) })
              .catch(() => ended.resolve());
          const unsubscribe = known.map((key) => subscribe(key, fragmentOf(key)!, send(key)));
          const beat = setInterval(() => void stream.write(":\n\n").catch(() => ended.resolve()), heartbeatMs);
          await ended.promise;
          clearInterval(beat);
          for (const end of unsubscribe) end();
          streams--;
        });
      });
    },
  };
}

type Send = (html: string) => void;

/** Renders a fragment again and again, and sends what has changed. Where it cannot, it says so before what it showed last. */
function follow({ render, everyMs }: Fragment, about: string, lateMs: number, onError: (error: string) => void) {
  const watching = new Set<Send>();
  let [shown, isStopped] = ["", false];
  let [rendered, renderedMs]: [string, number | undefined] = ["", undefined];
  let failure = "";
  let timer: Timer | undefined;
  const looked = Promise.withResolvers<void>();

  async function renderInTime(): Promise<string> {
    const late = Promise.withResolvers<never>();
    const deadline = setTimeout(() => late.reject(new Error(`no answer within ${lateMs / 1_000} s`)), lateMs);
    try {
      return String(await Promise.race([render(about), late.promise]));
    } finally {
      clearTimeout(deadline);
    }
  }

  function send(html: string) {
    if (html !== shown && !isStopped) for (const each of watching) each(html);
    shown = html;
  }

  async function look() {
    try {
      [rendered, renderedMs] = [await renderInTime(), Date.now()];
      failure = "";
      send(rendered);
    } catch (error) {
      const message = messageOf(error);
      if (message !== failure) onError(message);
      failure = message;
      send(`${NotShown({ why: message, lastMs: renderedMs })}${rendered}`);
    }
    looked.resolve();
    if (!isStopped) timer = setTimeout(look, everyMs);
  }
  void look();

  return {
    /** After the first look, successful or not. */
    looked: looked.promise,
    /** What is shown; empty before the first look has ended. */
    html: () => shown,
    add(send: Send) {
      watching.add(send);
      if (shown !== "") send(shown);
    },
    remove: (send: Send) => watching.delete(send),
    isWatched: () => watching.size > 0,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

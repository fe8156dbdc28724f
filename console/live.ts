import type { Hono } from "hono";
import type { Child } from "hono/jsx";
import { streamSSE } from "hono/streaming";
import { messageOf } from "../runtime/lifecycle.ts";
import type { Log } from "../runtime/log.ts";

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
  /** How many browsers look at any page. */
  watchers: () => number;
  /** Serves `/events`. */
  register: (app: Hono) => void;
}

const maxKeys = 16;
const maxKeyLength = 500;
const maxStreams = 100;
const heartbeatMs = 20_000;

/** Each fragment is rendered once for all who look at it, and not at all while nobody does. */
export function openLive(log: Log): Live {
  const fragments = new Map<string, Fragment>();
  const followed = new Map<Key, ReturnType<typeof follow>>();
  let streams = 0;

  const fragmentOf = (key: Key) => fragments.get(key.split(":", 1)[0] ?? "");

  function subscribe(key: Key, fragment: Fragment, send: Send): () => void {
    const about = key.slice(key.indexOf(":") + 1);
    const one =
      followed.get(key) ??
      follow(fragment, key.includes(":") ? about : "", (error) => {
        log.warn("a fragment cannot be shown", { key, error: messageOf(error) });
      });
    followed.set(key, one);
    one.add(send);
    return () => {
      one.remove(send);
      if (one.isWatched()) return;
      one.stop();
      if (followed.get(key) === one) followed.delete(key);
    };
  }

  return {
    add: (name, fragment) => fragments.set(name, fragment),
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

/** Renders a fragment again and again, and sends what has changed. */
function follow({ render, everyMs }: Fragment, about: string, onError: (error: unknown) => void) {
  const watching = new Set<Send>();
  let [last, isStopped] = ["", false];
  let failure = "";
  let timer: Timer | undefined;

  async function look() {
    try {
      const html = String(await render(about));
      failure = "";
      if (html !== last && !isStopped) for (const send of watching) send(html);
      last = html;
    } catch (error) {
      const message = messageOf(error);
      if (message !== failure) onError(error);
      failure = message;
    }
    if (!isStopped) timer = setTimeout(look, everyMs);
  }
  void look();

  return {
    add(send: Send) {
      watching.add(send);
      if (last !== "") send(last);
    },
    remove: (send: Send) => watching.delete(send),
    isWatched: () => watching.size > 0,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

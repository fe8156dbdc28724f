import { openFlow } from "../../operations/flow/flow.ts";
import { openHistory } from "../../operations/flow/history.ts";
import type { Look } from "../../operations/flow/look.ts";
import { type FlowReport, reportOf } from "../../operations/flow/report.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { sourceAddress, usesEmbeddedSource } from "../../sources/config.ts";
import type { Clients } from "../clients.ts";
import { type LastHour, openLastHour, sampleEveryMs } from "./last-hour.ts";
import { sampleOf } from "./sample.ts";

/** Looks at the pipeline as long as the console runs: a little while nobody watches, at everything while somebody does. */
export interface Watch {
  /** The pipeline as it is now. A caller counts as watching for the next few seconds. */
  report: () => FlowReport;
  /** Resolves once there is a first look at everything, or after this long, in milliseconds. */
  ready: (withinMs: number) => Promise<void>;
  lastHour: () => LastHour | undefined;
  /** Begins to look. */
  start: () => Promise<void>;
  close: () => Promise<void>;
}

/** How often is looked while somebody watches, and how long it counts that somebody has asked, in milliseconds. */
const [lookEveryMs, watchedForMs] = [2_000, 6_000];

export function openWatch(clients: Clients): Watch {
  const { config, env, log, doctor } = clients;
  const source = { sourceUrl: sourceAddress(config), isEmbedded: usesEmbeddedSource(config, env) };
  const subject = { config, isNative: clients.stackFolder !== undefined, ...source };
  const login = { username: env.AIRFLOW_USER || "admin", password: env.AIRFLOW_PASSWORD || "admin" };
  const flow = openFlow({ ...clients, ...source, login });
  const history = openHistory();
  const first = Promise.withResolvers<void>();
  let lastHour: LastHour | undefined;
  let sampled: Look | undefined;
  let [watchedUntilMs, isStarted, isLooking] = [0, false, false];
  const timers: Timer[] = [];

  const isWatched = () => Date.now() < watchedUntilMs;

  /** Does it at once and again and again, never twice at the same time. */
  function repeat(work: () => Promise<void>, everyMs: number) {
    let isAtWork = false;
    async function once() {
      if (isAtWork) return;
      isAtWork = true;
      await work().catch((error) => log.warn("the pipeline cannot be looked at", { error: messageOf(error) }));
      isAtWork = false;
    }
    void once();
    timers.push(setInterval(once, everyMs));
  }

  /** Does not wait for what only a look asks, so that there is a sample in time. */
  async function sample() {
    const seen = await flow.glance();
    if (!isWatched()) history.add(seen);
    lastHour?.add(sampleOf(sampled, seen, config.kafka.deadLetterTopic));
    sampled = seen;
  }

  async function look() {
    if (!isWatched() || isLooking) return;
    isLooking = true;
    try {
      history.add(await flow.look());
      first.resolve();
    } finally {
      isLooking = false;
    }
  }

  /** Sooner than a look, which waits for what does not answer. */
  async function probe() {
    if (isWatched()) history.addAway(await flow.probe(), Date.now());
  }

  return {
    lastHour: () => lastHour,
    report() {
      const wasWatched = isWatched();
      watchedUntilMs = Date.now() + watchedForMs;
      if (isStarted && !wasWatched) look().catch(() => {}); // the next look says why
      return reportOf(subject, history, doctor.latest(), Date.now());
    },
    ready: (withinMs) => Promise.race([first.promise, Bun.sleep(withinMs)]),
    async start() {
      isStarted = true;
      lastHour = await openLastHour(folderOf(clients), log);
      repeat(sample, sampleEveryMs);
      repeat(look, lookEveryMs);
      repeat(probe, lookEveryMs);
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([lastHour?.save(), flow.close()]);
    },
  };
}

/** Natively the console keeps its files with the stack's. */
const folderOf = ({ config, stackFolder }: Clients) =>
  config.console.folder ?? (stackFolder === undefined ? undefined : `${stackFolder}/console`);

import type { Service } from "../doctor/finding.ts";
import type { Look } from "./look.ts";

/** A number that rises while records move. */
export interface Counter {
  value: number;
  /** When it last changed, in milliseconds since 1970; undefined if it was never seen to. */
  movedMs?: number;
  /** How many a second, over the last ten; undefined before the second look. */
  perSecond?: number;
}

export interface Trouble {
  /** Whether it accepts no connection; otherwise it did not answer. */
  isAway: boolean;
  why: string;
  sinceMs: number;
}

/** What can only be told from several looks: rates, and since when something stands still or is away. */
export interface History {
  add: (look: Look) => void;
  /** Adds what is known sooner than a look: which services accept no connection. */
  addAway: (away: Look["away"], atMs: number) => void;
  /** The newest value of each part, even if its service has been away since. */
  last: () => Look | undefined;
  counter: (name: string) => Counter | undefined;
  trouble: (service: Service) => Trouble | undefined;
  /** When a service was last seen to go away or to come back, in milliseconds since 1970. */
  changedMs: () => number;
}

const windowMs = 10_000;

interface Kept {
  points: { atMs: number; value: number }[];
  movedMs?: number;
}

export function openHistory(): History {
  const counters = new Map<string, Kept>();
  const troubles = new Map<Service, Trouble>();
  let last: Look | undefined;
  let changedMs = 0;

  function count(name: string, value: number | undefined, atMs: number) {
    if (value === undefined) return;
    const kept = counters.get(name) ?? { points: [] };
    const before = kept.points.at(-1);
    if (before && before.value !== value) kept.movedMs = atMs;
    // It was set back: its program has started again.
    if (before && value < before.value) kept.points = [];
    // One point before the window stays, so that there is a rate with rare looks too.
    while (kept.points.length > 1 && atMs - kept.points[1]!.atMs >= windowMs) kept.points.shift();
    kept.points.push({ atMs, value });
    counters.set(name, kept);
  }

  function note({ away, silent }: Pick<Look, "away" | "silent">, atMs: number, isWhole: boolean) {
    for (const [service, { isAway }] of troubles) {
      if (away.has(service) || silent.has(service)) continue;
      if (!isAway && !isWhole) continue;
      troubles.delete(service);
      if (isAway) changedMs = atMs;
    }
    for (const [reasons, isAway] of [
      [away, true],
      [silent, false],
    ] as const)
      for (const [service, why] of reasons) {
        const before = troubles.get(service);
        troubles.set(service, { isAway, why, sinceMs: before?.sinceMs ?? atMs });
        if (isAway && !before?.isAway) changedMs = atMs;
      }
  }

  return {
    add(look) {
      const { atMs, topics, consumer, postgres, api } = look;
      for (const { topic, written, read } of topics?.values() ?? []) {
        count(topic, written, atMs);
        count(`${topic} read`, read, atMs);
      }
      const reads = topics && [...topics.values()].map(({ read }) => read ?? 0);
      count(
        "read",
        reads?.reduce((sum, read) => sum + read, 0),
        atMs,
      );
      count("stored", consumer?.stored, atMs);
      count("postgres", postgres?.written, atMs);
      count("requests", api?.requests, atMs);
      note(look, atMs, true);
      last = { ...last, ...look };
    },
    addAway: (away, atMs) => note({ away, silent: new Map() }, atMs, false),
    last: () => last,
    counter(name) {
      const kept = counters.get(name);
      const [first, newest] = [kept?.points[0], kept?.points.at(-1)];
      if (!kept || !first || !newest) return undefined;
      // A counter that has not been seen for a while has no rate.
      const isNew = (last?.atMs ?? 0) - newest.atMs <= windowMs;
      const seconds = isNew ? (newest.atMs - first.atMs) / 1_000 : 0;
      return {
        value: newest.value,
        ...(kept.movedMs !== undefined && { movedMs: kept.movedMs }),
        ...(seconds > 0 && { perSecond: (newest.value - first.value) / seconds }),
      };
    },
    trouble: (service) => troubles.get(service),
    changedMs: () => changedMs,
  };
}

import { setTimeout as wait } from "node:timers/promises";

export interface Patience {
  /** How long to wait before giving up, in milliseconds. */
  withinMs?: number;
  /** The pause between probes, in milliseconds. */
  everyMs?: number;
  /** Aborting it ends the wait with the signal's reason. */
  stop?: AbortSignal;
}

/** The condition was not met in time; `cause` is the probe's last value or error. */
export class NotInTime extends Error {
  override name = "NotInTime";
}

/**
 * Awaits a condition: resolves with the first truthy value of `probe`. A probe that throws counts as "not yet".
 * @throws NotInTime after `withinMs`, with `what` and the probe's last value or error
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  { withinMs = 180_000, everyMs = 100, stop }: Patience = {},
): Promise<Exclude<T, false | 0 | "" | null | undefined>> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  do {
    stop?.throwIfAborted();
    try {
      const value = await probe();
      if (value) return value as Exclude<T, false | 0 | "" | null | undefined>;
      last = value;
    } catch (error) {
      last = error;
    }
    await wait(everyMs, undefined, { signal: stop }).catch(() => stop?.throwIfAborted());
  } while (performance.now() < deadline);
  const seen = last instanceof Error ? last.message : JSON.stringify(last);
  throw new NotInTime(`not within ${withinMs} ms: ${what}; last seen: ${seen}`, { cause: last });
}

export interface Patience {
  /** How long to wait before giving up, in milliseconds. */
  withinMs?: number;
  /** The pause between two looks, in milliseconds. */
  everyMs?: number;
}

/**
 * Awaits a condition: resolves with the first truthy value of `probe`. A probe that throws says "not yet".
 * @throws an error that names `what` and the last thing seen, once `withinMs` are over
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  { withinMs = 180_000, everyMs = 100 }: Patience = {},
): Promise<Exclude<T, false | 0 | "" | null | undefined>> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  do {
    try {
      const value = await probe();
      if (value) return value as Exclude<T, false | 0 | "" | null | undefined>;
      last = value;
    } catch (error) {
      last = error;
    }
    await Bun.sleep(everyMs);
  } while (performance.now() < deadline);
  const seen = last instanceof Error ? last.message : JSON.stringify(last);
  throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${seen}`, { cause: last });
}

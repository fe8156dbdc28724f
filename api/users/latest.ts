/**
 * Shares one run of `work` among all callers that wait for it. A caller never gets the result of a run that started
 * before its call, and no two runs overlap.
 */
export function latest<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const mine = work();
      running = mine.catch(() => {});
      return mine;
    });
    return next;
  };
}

/**
 * Runs `work` once for all who ask while it waits its turn. Nobody gets a result that was begun before they asked, and
 * no two runs overlap, however many ask.
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

/**
 * Work that many ask for and that runs once at a time: those who ask while it runs share its next run, which sees
 * everything that was there when they asked.
 */
export function coalesced<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const start = () => {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (next) return next;
    if (!running) return start();
    const begin = () => {
      next = undefined;
      return start();
    };
    next = running.then(begin, begin);
    return next;
  };
}

/**
 * Runs work on the same key sequentially and work on different keys concurrently, so that two edits of one user in this
 * process cannot read the same state and overwrite each other's change. Between processes the newest write wins.
 */
export function takeTurns() {
  const tails = new Map<string, Promise<unknown>>();
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const mine = (tails.get(key) ?? Promise.resolve()).then(work);
    const tail = mine.catch(() => {});
    tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (tails.get(key) === tail) tails.delete(key);
    }
  };
}

/** A page is shown after this long, whether a service has answered or not. */
const patienceMs = 700;

/** What comes of the work in time for a page; undefined if nothing has. */
export const soon = <T>(work: Promise<T>): Promise<T | undefined> =>
  Promise.race([work, Bun.sleep(patienceMs).then(() => undefined)]);

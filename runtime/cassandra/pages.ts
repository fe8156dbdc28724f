import { setTimeout as wait } from "node:timers/promises";
import type { types } from "cassandra-driver";
import { type Cassandra, isTransient } from "../cassandra.ts";

/** How long a page is asked for while Cassandra is busy or away, in milliseconds. */
const patienceMs = 60_000;
const askAgainAfterMs = 500;

/**
 * The rows that a query finds, page by page. A page that Cassandra did not answer is asked for again: of the thousands that
 * a large table has, a busy node drops one now and then.
 * @throws the last error, if a page was not answered for a minute
 */
export async function* pagesOf(
  cassandra: Cassandra,
  query: string,
  parameters: readonly unknown[],
  { pageRows, stop }: { pageRows: number; stop?: AbortSignal },
): AsyncGenerator<types.Row[]> {
  let pageState: string | undefined;
  do {
    const ask = () => cassandra.execute(query, [...parameters], { fetchSize: pageRows, pageState });
    const page = await patiently(ask, stop);
    yield page.rows;
    pageState = page.pageState ?? undefined;
  } while (pageState !== undefined);
}

async function patiently<T>(ask: () => Promise<T>, stop: AbortSignal | undefined): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    stop?.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (!isTransient(error) || performance.now() > until) throw error;
      await wait(askAgainAfterMs, undefined, { signal: stop }).catch(() => stop?.throwIfAborted());
    }
  }
}

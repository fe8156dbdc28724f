interface Node {
  name: string;
  dependsOn: string[];
}

/**
 * Runs `work` for every node, each as soon as all that it depends on is done, side by side where the graph allows it.
 * The first failure aborts `stop` for the rest; the promise settles when everything has come to rest.
 */
export async function inOrder<N extends Node>(
  nodes: N[],
  work: (node: N, stop: AbortSignal) => Promise<void>,
  stop: AbortSignal = new AbortController().signal,
): Promise<void> {
  const failure = new AbortController();
  const signal = AbortSignal.any([stop, failure.signal]);
  const started = new Map<string, Promise<void>>();
  const begin = (node: N): Promise<void> => {
    const known = started.get(node.name);
    if (known) return known;
    const promise = (async () => {
      await Promise.all(nodes.filter(({ name }) => node.dependsOn.includes(name)).map(begin));
      signal.throwIfAborted();
      await work(node, signal);
    })();
    started.set(node.name, promise);
    promise.catch((error) => failure.abort(error));
    return promise;
  };
  const outcomes = await Promise.allSettled(nodes.map(begin));
  stop.throwIfAborted();
  if (outcomes.some(({ status }) => status === "rejected")) throw failure.signal.reason;
}

/** Runs all at once and resolves with what each gives; the first failure stops the others and is thrown at the end. */
export async function sideBySide<T extends unknown[]>(
  works: { [K in keyof T]: (stop: AbortSignal) => Promise<T[K]> },
  stop?: AbortSignal,
): Promise<T> {
  const results: unknown[] = [];
  const nodes = works.map((work, index) => ({ name: String(index), dependsOn: [], index, work }));
  const note = async ({ index, work }: (typeof nodes)[number], signal: AbortSignal) => {
    results[index] = await work(signal);
  };
  await inOrder(nodes, note, stop);
  return results as T;
}

/** The same graph with every arrow turned round: what depends on a node comes before it. */
export const reversed = <N extends Node>(nodes: N[]): N[] =>
  nodes.map((node) => ({
    ...node,
    dependsOn: nodes.filter(({ dependsOn }) => dependsOn.includes(node.name)).map(({ name }) => name),
  }));

interface Node {
  name: string;
  dependsOn: string[];
}

/**
 * Runs `work` for every node as soon as its dependencies are done, in parallel where the graph allows.
 * The first failure aborts the signal of the others; the promise settles once all work has settled.
 */
export async function inOrder<N extends Node>(
  nodes: N[],
  work: (node: N, stop: AbortSignal) => Promise<void>,
  stop: AbortSignal = new AbortController().signal,
): Promise<void> {
  const failure = new AbortController();
  const signal = AbortSignal.any([stop, failure.signal]);
  const started = new Map<string, Promise<void>>();
  const start = (node: N): Promise<void> => {
    const known = started.get(node.name);
    if (known) return known;
    const promise = (async () => {
      await Promise.all(nodes.filter(({ name }) => node.dependsOn.includes(name)).map(start));
      signal.throwIfAborted();
      await work(node, signal);
    })();
    started.set(node.name, promise);
    promise.catch((error) => failure.abort(error));
    return promise;
  };
  const outcomes = await Promise.allSettled(nodes.map(start));
  stop.throwIfAborted();
  if (outcomes.some(({ status }) => status === "rejected")) throw failure.signal.reason;
}

/** Runs everything in parallel and resolves with the results; the first failure aborts the others and is thrown. */
export async function inParallel<T extends unknown[]>(
  works: { [K in keyof T]: (stop: AbortSignal) => Promise<T[K]> },
  stop?: AbortSignal,
): Promise<T> {
  const results: unknown[] = [];
  const nodes = works.map((work, index) => ({ name: String(index), dependsOn: [], index, work }));
  const runOne = async ({ index, work }: (typeof nodes)[number], signal: AbortSignal) => {
    results[index] = await work(signal);
  };
  await inOrder(nodes, runOne, stop);
  return results as T;
}

/** The same graph with every edge reversed: a node's dependents come before it. */
export const reversed = <N extends Node>(nodes: N[]): N[] =>
  nodes.map((node) => ({
    ...node,
    dependsOn: nodes.filter(({ dependsOn }) => dependsOn.includes(node.name)).map(({ name }) => name),
  }));

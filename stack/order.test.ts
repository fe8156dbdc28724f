import { expect, test } from "bun:test";
import { inOrder, inParallel, reversed } from "./order.ts";

const nodes = [
  { name: "api", dependsOn: ["cassandra"] },
  { name: "consumer", dependsOn: ["kafka", "cassandra"] },
  { name: "kafka", dependsOn: [] },
  { name: "cassandra", dependsOn: [] },
];

test("each node runs after all of its dependencies", async () => {
  const done: string[] = [];
  await inOrder(nodes, async ({ name, dependsOn }) => {
    expect(done).toEqual(expect.arrayContaining(dependsOn));
    done.push(name);
  });
  expect(done.toSorted()).toEqual(["api", "cassandra", "consumer", "kafka"]);
});

test("independent nodes run in parallel", async () => {
  const bothRun = Promise.withResolvers<void>();
  let running = 0;
  await inOrder(nodes, async ({ dependsOn }) => {
    if (dependsOn.length > 0) return;
    if (++running === 2) bothRun.resolve();
    await bothRun.promise;
  });
  expect(running).toBe(2);
});

test("in reverse order, a node runs after all of its dependents", async () => {
  const done: string[] = [];
  await inOrder(reversed(nodes), async ({ name }) => void done.push(name));
  expect(done.indexOf("cassandra")).toBeGreaterThan(done.indexOf("api"));
  expect(done.indexOf("cassandra")).toBeGreaterThan(done.indexOf("consumer"));
  expect(done.indexOf("kafka")).toBeGreaterThan(done.indexOf("consumer"));
});

test("the first failure aborts the others, starts nothing more and is thrown", async () => {
  const done: string[] = [];
  const work = async ({ name }: { name: string }, stop: AbortSignal) => {
    if (name === "cassandra") throw new Error("no disk");
    await new Promise((resolve) => stop.addEventListener("abort", resolve));
    done.push(name);
  };
  await expect(inOrder(nodes, work)).rejects.toThrow("no disk");
  await inOrder(nodes, work).catch(() => {});
  expect(new Set(done)).toEqual(new Set(["kafka"]));
});

test("a caller that aborts gets its own reason", async () => {
  const stop = new AbortController();
  const promise = inOrder(
    nodes,
    (_, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    stop.signal,
  );
  stop.abort(new Error("Interrupted"));
  await expect(promise).rejects.toThrow("Interrupted");
});

test("results of parallel work keep their order, whichever finishes first", async () => {
  const first = Promise.withResolvers<void>();
  const results = await inParallel<[string, number]>([
    async () => {
      await first.promise;
      return "slow";
    },
    async () => {
      first.resolve();
      return 7;
    },
  ]);
  expect(results).toEqual(["slow", 7]);
});

import { expect, test } from "bun:test";
import { inOrder, reversed, sideBySide } from "./order.ts";

const nodes = [
  { name: "api", dependsOn: ["cassandra"] },
  { name: "consumer", dependsOn: ["kafka", "cassandra"] },
  { name: "kafka", dependsOn: [] },
  { name: "cassandra", dependsOn: [] },
];

test("each node comes after all that it depends on", async () => {
  const done: string[] = [];
  await inOrder(nodes, async ({ name, dependsOn }) => {
    expect(done).toEqual(expect.arrayContaining(dependsOn));
    done.push(name);
  });
  expect(done.toSorted()).toEqual(["api", "cassandra", "consumer", "kafka"]);
});

test("nodes that do not depend on each other run side by side", async () => {
  const bothRun = Promise.withResolvers<void>();
  let running = 0;
  await inOrder(nodes, async ({ dependsOn }) => {
    if (dependsOn.length > 0) return;
    if (++running === 2) bothRun.resolve();
    await bothRun.promise;
  });
  expect(running).toBe(2);
});

test("reversed, what depends on a node comes before it", async () => {
  const done: string[] = [];
  await inOrder(reversed(nodes), async ({ name }) => void done.push(name));
  expect(done.indexOf("cassandra")).toBeGreaterThan(done.indexOf("api"));
  expect(done.indexOf("cassandra")).toBeGreaterThan(done.indexOf("consumer"));
  expect(done.indexOf("kafka")).toBeGreaterThan(done.indexOf("consumer"));
});

test("the first failure stops the others, starts nothing more and is what is thrown", async () => {
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

test("a caller who stops gets his own reason", async () => {
  const stop = new AbortController();
  const promise = inOrder(
    nodes,
    (_, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    stop.signal,
  );
  stop.abort(new Error("Interrupted"));
  await expect(promise).rejects.toThrow("Interrupted");
});

test("what runs side by side gives its results in order, whoever is first", async () => {
  const first = Promise.withResolvers<void>();
  const results = await sideBySide<[string, number]>([
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

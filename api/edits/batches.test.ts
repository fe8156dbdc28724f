import { expect, test } from "bun:test";
import { Problem } from "../problem.ts";
import { openBatches } from "./batches.ts";

const item = (key: string, bytes = 10) => ({ key, value: Buffer.alloc(bytes - key.length) });

/** A broker that takes a batch only when told so. */
function openBroker(limits?: Parameters<typeof openBatches>[1]) {
  const batches: { keys: string[]; settle: PromiseWithResolvers<void> }[] = [];
  const add = openBatches(async (batch) => {
    const settle = Promise.withResolvers<void>();
    batches.push({ keys: batch.map(({ key }) => key), settle });
    await settle.promise;
  }, limits);
  return { batches, add };
}

test("the first item is sent at once, and what arrives meanwhile goes together with the next batch, in order", async () => {
  const { batches, add } = openBroker();
  const added = ["a", "b", "c"].map((key) => add(item(key)));
  expect(batches.map(({ keys }) => keys)).toEqual([["a"]]);
  batches[0]!.settle.resolve();
  await added[0];
  expect(batches.map(({ keys }) => keys)).toEqual([["a"], ["b", "c"]]);
  batches[1]!.settle.resolve();
  await Promise.all(added);
});

test("a batch that fails fails its own items, and the next one is sent", async () => {
  const { batches, add } = openBroker();
  const [first, second] = [add(item("a")), add(item("b"))];
  batches[0]!.settle.reject(new Error("no leader"));
  await expect(first).rejects.toThrow("no leader");
  batches[1]!.settle.resolve();
  await second;
  const third = add(item("c"));
  batches[2]!.settle.resolve();
  await third;
});

test("batches are bounded by items and by bytes, and an item larger than a batch goes alone", async () => {
  const { batches, add } = openBroker({ maxBatchItems: 2, maxBatchBytes: 25, maxWaitingBytes: 1_000 });
  const items = [item("first"), item("a", 5), item("b", 5), item("c", 5), item("d", 22), item("e", 40), item("f", 5)];
  const added = Promise.all(items.map(add));
  for (let sent = 0; sent < 6; sent++) {
    batches[sent]!.settle.resolve();
    await Bun.sleep(0);
  }
  await added;
  expect(batches.map(({ keys }) => keys)).toEqual([["first"], ["a", "b"], ["c"], ["d"], ["e"], ["f"]]);
});

test("more than may wait is refused at once, and there is room again once a batch has been sent", async () => {
  const { batches, add } = openBroker({ maxBatchItems: 9, maxBatchBytes: 100, maxWaitingBytes: 20 });
  const added = ["a", "b", "c"].map((key) => add(item(key)));
  const refused = await add(item("d")).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Problem);
  expect((refused as Problem).status).toBe(503);
  batches[0]!.settle.resolve();
  await added[0];
  added.push(add(item("e")));
  batches[1]!.settle.resolve();
  await added[1];
  batches[2]!.settle.resolve();
  await Promise.all(added);
  expect(batches.map(({ keys }) => keys)).toEqual([["a"], ["b", "c"], ["e"]]);
});

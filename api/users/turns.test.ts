import { expect, test } from "bun:test";
import { takeTurns } from "./turns.ts";

test("work on a key waits for earlier work on it, even if that fails", async () => {
  const inTurn = takeTurns();
  const order: string[] = [];
  const first = inTurn("rachel", async () => {
    order.push("first starts");
    await Promise.resolve();
    order.push("first fails");
    throw new Error("no");
  });
  const second = inTurn("rachel", async () => void order.push("second"));
  await expect(first).rejects.toThrow("no");
  await second;
  expect(order).toEqual(["first starts", "first fails", "second"]);
});

test("work on another key does not wait", async () => {
  const inTurn = takeTurns();
  const { promise, resolve } = Promise.withResolvers<void>();
  const rachel = inTurn("rachel", () => promise);
  expect(await inTurn("zoryan", async () => "done")).toBe("done");
  resolve();
  await rachel;
});

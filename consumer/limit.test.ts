import { expect, test } from "bun:test";
import { limitOf } from "./limit.ts";

test("never more than the limit run at once, and all run", async () => {
  const limit = limitOf(3);
  let running = 0;
  let most = 0;
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      limit(async () => {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        return index;
      }),
    ),
  );
  expect(most).toBe(3);
  expect(results).toEqual(Array.from({ length: 20 }, (_, index) => index));
});

test("work that fails makes room for the next", async () => {
  const limit = limitOf(1);
  const failed = limit(() => Promise.reject(new Error("broken"))).catch((error: Error) => error.message);
  expect(await limit(async () => "done")).toBe("done");
  expect(await failed).toBe("broken");
});

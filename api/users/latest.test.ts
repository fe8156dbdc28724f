import { expect, test } from "bun:test";
import { latest } from "./latest.ts";

test("callers during a run share the next one, which starts after they called", async () => {
  const runs: PromiseWithResolvers<string>[] = [];
  const ask = latest(() => {
    const run = Promise.withResolvers<string>();
    runs.push(run);
    return run.promise;
  });
  const first = ask();
  await Bun.sleep(0);
  const second = ask();
  const third = ask();
  expect(runs).toHaveLength(1);
  runs[0]!.resolve("one");
  expect(await first).toBe("one");
  await Bun.sleep(0);
  expect(runs).toHaveLength(2);
  runs[1]!.resolve("two");
  expect(await Promise.all([second, third])).toEqual(["two", "two"]);
});

test("the run after a failed one succeeds", async () => {
  let attempt = 0;
  const ask = latest(async () => {
    if (++attempt === 1) throw new Error("away");
    return "counted";
  });
  await expect(ask()).rejects.toThrow("away");
  expect(await ask()).toBe("counted");
});

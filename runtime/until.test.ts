import { expect, test } from "bun:test";
import { until } from "./until.ts";

test("the first truthy value ends the wait", async () => {
  let looks = 0;
  expect(await until("three looks", () => ++looks === 3 && "there", { everyMs: 1 })).toBe("there");
  expect(looks).toBe(3);
});

test("a probe that throws counts as not yet", async () => {
  let looks = 0;
  const probe = () => {
    if (++looks < 3) throw new Error("connection refused");
    return true;
  };
  expect(await until("an answer", probe, { everyMs: 1 })).toBe(true);
});

test("the time-out error names the condition and the last value seen", async () => {
  const never = until("50 rows", () => Promise.reject(new Error("12 rows")), { withinMs: 5, everyMs: 1 });
  await expect(never).rejects.toThrow("not within 5 ms: 50 rows; last seen: 12 rows");
});

test("aborting ends the wait with the signal's reason", async () => {
  const stop = new AbortController();
  const waiting = until("an answer", () => void setTimeout(() => stop.abort(new Error("Interrupted")), 1), {
    withinMs: 600_000,
    everyMs: 300_000,
    stop: stop.signal,
  });
  await expect(waiting).rejects.toThrow("Interrupted");
});

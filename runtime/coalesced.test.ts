import { expect, test } from "bun:test";
import { coalesced } from "./coalesced.ts";

test("whoever asks while it runs gets what the next run sees, which is one for all of them", async () => {
  let [now, seen, runs] = ["before", Promise.withResolvers<void>(), 0];
  const look = coalesced(async () => {
    runs++;
    const found = now;
    await seen.promise;
    return found;
  });
  const early = look();
  now = "after";
  const [late, later] = [look(), look()];
  seen.resolve();
  seen = Promise.withResolvers();
  seen.resolve();
  expect(await early).toBe("before");
  expect(await Promise.all([late, later])).toEqual(["after", "after"]);
  expect(runs).toBe(2);
});

test("a failed run is followed by another, and each asker hears of their own", async () => {
  let fails = true;
  const look = coalesced(async () => {
    if (fails) throw new Error("away");
    return "there";
  });
  const early = look();
  const late = look();
  fails = false;
  await expect(early).rejects.toThrow("away");
  expect(await late).toBe("there");
  expect(await look()).toBe("there");
});

import { expect, test } from "bun:test";
import type { DeadLetter, Message } from "../stream/change.ts";
import { openDeadLetterLimit } from "./dead-letter-limit.ts";

const place = { topic: "users_created", partition: 0 };
const limits = { maxDeadLettersInARow: 3, maxDeadLetterShare: 0.5 };

/** Records starting at an offset, one for each character: "x" is a dead letter. */
function sliceOf(outcomes: string, from = 0): [Message[], DeadLetter[]] {
  const slice = [...outcomes].map((_, index) => ({
    key: null,
    value: null,
    offset: String(from + index),
    timestamp: "0",
  }));
  const dead = slice.filter((_, index) => outcomes[index] === "x");
  return [slice, dead.map((message) => ({ message, reason: "undecodable", detail: "" }))];
}

test("consecutive dead letters up to the limit are allowed, across slices too, and one more is not", () => {
  const excess = openDeadLetterLimit(limits);
  expect(excess(place, ...sliceOf("xxx.xx"))).toBeUndefined();
  expect(excess(place, ...sliceOf("x", 6))).toBeUndefined();
  expect(excess(place, ...sliceOf("x", 7))).toContain(
    "more than 3 in a row (consumer.maxDeadLettersInARow), the last of them at offset 7: undecodable.",
  );
});

test("a refused slice is refused each time it is read, and a counted slice counts once", () => {
  const excess = openDeadLetterLimit(limits);
  for (let reading = 0; reading < 5; reading++) expect(excess(place, ...sliceOf("..xxx"))).toBeUndefined();
  for (let reading = 0; reading < 5; reading++) expect(excess(place, ...sliceOf(".xxxx", 5))).toBeDefined();
});

test("partitions are counted separately", () => {
  const excess = openDeadLetterLimit(limits);
  expect(excess(place, ...sliceOf("xxx"))).toBeUndefined();
  expect(excess({ ...place, partition: 1 }, ...sliceOf("xxx"))).toBeUndefined();
  expect(excess({ ...place, topic: "changes" }, ...sliceOf("xxx"))).toBeUndefined();
});

test("half of the last thousand records are allowed, and one more is not; with fewer records the share is not checked", () => {
  const excess = openDeadLetterLimit(limits);
  expect(excess(place, ...sliceOf("xx.".repeat(300)))).toBeUndefined(); // 600 of 900
  expect(excess(place, ...sliceOf("x", 900))).toBeUndefined();
  expect(excess(place, ...sliceOf(".".repeat(98), 901))).toBeUndefined(); // 601 of 999
  expect(excess(place, ...sliceOf("x", 999))).toContain("more than 50 % of the last 1000 records");

  const even = openDeadLetterLimit(limits);
  expect(even(place, ...sliceOf("x.".repeat(2_000)))).toBeUndefined();
  expect(even(place, ...sliceOf("xx", 4_000))).toContain("the last of them at offset 4001");
});

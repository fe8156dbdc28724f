import { expect, test } from "bun:test";
import type { Newest } from "./fold.ts";
import { letterAgainst, type UserLetter } from "./letters.ts";

const letter: UserLetter = {
  topic: "users_created",
  partition: 0,
  offset: 9,
  producedMs: 2_000,
  reason: "invalid",
  letter: { partition: 0, offset: "0" },
  isSettled: false,
};
const newest = (offset: number, timeMs: number, topic = "users_created"): Newest => ({
  topic,
  partition: 0,
  offset,
  timeMicros: timeMs * 1_000,
  hash: 1n,
  deletes: false,
  incomplete: false,
  tied: false,
});
const first = (offset: bigint) => new Map([["users_created", new Map([[0, offset]])]]);
const open = { isOfNewest: false, isSettled: false };

test("a letter is superseded by a record after its original, and by one of a later write time", () => {
  expect(letterAgainst(newest(12, 1_000), letter, first(0n))).toBeNull();
  expect(letterAgainst(newest(3, 2_500), letter, first(0n))).toBeNull();
  expect(letterAgainst(newest(3, 2_500, "users_edited"), letter, first(0n))).toBeNull();
  expect(letterAgainst(newest(3, 1_000), letter, first(0n))).toEqual(open);
  expect(letterAgainst(newest(12, 1_000, "users_edited"), letter, first(0n))).toEqual(open);
  expect(letterAgainst(newest(9, 1_000), letter, first(0n))).toEqual({ ...open, isOfNewest: true });
  expect(letterAgainst(null, letter, first(0n))).toEqual(open);
  expect(letterAgainst(newest(3, 1_000), undefined, first(0n))).toBeNull();
});

test("after forget has rewritten the topic, an older record with a new offset does not supersede it; a later one does", () => {
  expect(letterAgainst(newest(12, 1_000), letter, first(10n))).toEqual(open);
  expect(letterAgainst(newest(12, 2_500), letter, first(10n))).toBeNull();
});

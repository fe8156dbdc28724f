import { expect, test } from "bun:test";
import { validUsers } from "../../contract/samples.ts";
import { openUnapplied } from "./unapplied.ts";

const [user] = validUsers;
const id = user!.id;
const at = (written: bigint) => ({ user: user!, written });

test("an edit counts until the row is at least as new", () => {
  const unapplied = openUnapplied();
  unapplied.note(id, at(7n));
  unapplied.note(id, { user: null, written: 8n });
  expect(unapplied.over(id, at(6n))).toEqual({ user: null, written: 8n });
  expect(unapplied.over(id, at(8n))).toEqual(at(8n));
  expect(unapplied.over(id, at(6n))).toEqual(at(6n)); // forgotten
});

test("a row that somebody has deleted since does not come back", () => {
  const unapplied = openUnapplied();
  unapplied.note(id, at(7n));
  expect(unapplied.over(id, undefined)).toBeUndefined();
});

test("only the last edits are remembered", () => {
  const unapplied = openUnapplied(2);
  for (const each of ["rachel", "zoryan", "rachel", "nadia"]) unapplied.note(each, at(7n));
  expect(["rachel", "zoryan", "nadia"].map((each) => unapplied.over(each, at(6n))!.written)).toEqual([7n, 6n, 7n]);
});

import { expect, test } from "bun:test";
import { namedTokens, tokensOf } from "./named-tokens.ts";

const schema = namedTokens("API_TOKENS", "");
const [one, other] = ["a-token-of-rachel-1", "a:token:of:zoryan-2"];
const both = [
  { name: "rachel", token: one },
  { name: "z.o@example.com", token: other },
];

test("named tokens are a map, or pairs separated by commas or lines", () => {
  expect(schema.parse({ rachel: one, "z.o@example.com": other })).toEqual(both);
  expect(schema.parse(`rachel:${one}, z.o@example.com:${other}`)).toEqual(both);
  expect(schema.parse(`rachel:${one}\nz.o@example.com:${other}\n`)).toEqual(both);
  expect(tokensOf({ token: "a-token-of-nobody-3", tokens: both })).toEqual([
    { name: "API_TOKEN", token: "a-token-of-nobody-3" },
    ...both,
  ]);
  expect(tokensOf({})).toEqual([]);
});

test.each([
  [one, "entry 1 is not name:token"],
  [`${one}:rachel`, "entry 1 has a token of fewer than 16 characters"],
  [`rachel:${one},zoryan:short`, "entry 2 has a token of fewer than 16 characters"],
  [`rachel:${one},rachel:${other}`, "entry 2 has the name of an earlier entry"],
  [`rachel:${one},zoryan:${one}`, "entry 2 has the token of an earlier entry"],
  [{ rachel: "a token with spaces" }, "entry 1 has a token that is not printable ASCII"],
  [{ "": one }, "entry 1 needs a name of at most 50 letters"],
  [{ [`x${one}`.repeat(3)]: one }, "entry 1 needs a name of at most 50 letters"],
  [{ API_TOKEN: one }, "entry 1 needs another name"],
  [{ rachel: 1234567890123456 }, "must be a map of names to tokens; put a token of digits in quotes"],
  [[one], "must be a map of names to tokens"],
] as [unknown, string][])("%p: %s", (given, fault) => {
  const { error } = schema.safeParse(given);
  expect(error?.issues.map(({ message }) => message).join("; ")).toContain(fault);
  expect(error?.issues.flatMap(({ path }) => path)).toEqual([]);
  for (const secret of [one, other, "short"]) expect(error?.message).not.toContain(secret);
});

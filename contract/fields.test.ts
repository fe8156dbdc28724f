import { expect, test } from "bun:test";
import { z } from "zod";
import { fieldsOf } from "./fields.ts";

const meta = (example: unknown) => ({ description: "A sentence.", example });
const word = z.string().max(20);

test("each kind is recognised, with the rules that JSON Schema has for it", () => {
  const id = z
    .string()
    .regex(/^[0-9a-f-]{36}$/)
    .meta({ format: "uuid", ...meta("c7a41086-06e3-4bfe-9c40-4e9da2df42c8") });
  const fields = fieldsOf({
    id,
    name: word.min(1).meta(meta("Rachel")),
    size: z.enum(["s", "m/l"]).meta(meta("s")),
    children: z.int32().min(0).nullable().meta(meta(2)),
    followers: z.int().meta(meta(5_000_000_000)),
    height: z.number().positive().max(3).meta(meta(1.78)),
    active: z.boolean().meta(meta(true)),
    seen: z.iso.datetime().meta(meta("2026-01-15T06:00:00.000Z")),
    born: z.iso.date().nullable().meta(meta("1978-04-22")),
    tags: z
      .array(word)
      .max(5)
      .meta(meta(["owl"])),
  });
  expect(fields.map(({ name, kind, nullable }) => `${name} ${kind}${nullable ? "?" : ""}`)).toEqual([
    "id uuid",
    "name text",
    "size text",
    "children int?",
    "followers long",
    "height double",
    "active boolean",
    "seen timestamp",
    "born date?",
    "tags list",
  ]);
  expect(fields.slice(1).map(({ rules, items }) => (items ? { ...rules, items } : rules))).toEqual([
    { minLength: 1, maxLength: 20 },
    { pattern: String.raw`^(s|m\/l)$` },
    { minimum: 0, maximum: 2_147_483_647 },
    { minimum: -9_007_199_254_740_991, maximum: 9_007_199_254_740_991 },
    { exclusiveMinimum: 0, maximum: 3 },
    {},
    {},
    {},
    { maxItems: 5, items: { maxLength: 20 } },
  ]);
});

test.each([
  ["an object", z.object({ street: word }).meta(meta({ street: "x" })), "the type object is not supported"],
  ["a union", z.union([word, z.int()]).meta(meta(1)), "the type union is not supported"],
  ["a big integer", z.bigint().meta(meta(1n)), "the type bigint is not supported"],
  ["anything", z.any().meta(meta(1)), "the type any is not supported"],
  ["a converted text", word.transform(Number).meta(meta("1")), "the type pipe is not supported"],
  ["a list of lists", z.array(z.array(word).max(3)).max(3).meta(meta([])), "a list of list"],
  ["a list of numbers", z.array(z.int()).max(3).meta(meta([])), "a list of long"],
  ["a list with nulls", z.array(word.nullable()).max(3).meta(meta([])), "the type nullable is not supported"],
  ["a list without end", z.array(word).meta(meta([])), "a list without a maximum length: add .max(20)"],
  ["a text without end", z.string().meta(meta("x")), "a text without a maximum length: add .max(200)"],
  [
    "a text that another engine cannot check",
    z.url().max(90).meta(meta("http://x")),
    "a text of format uri; use .regex()",
  ],
  ["two patterns", word.regex(/^a/).regex(/b$/).meta(meta("ab")), "a text with several patterns; join them in one"],
  [
    "an open pattern",
    word.regex(/a/).meta(meta("a")),
    "a pattern that is not anchored: begin it with ^ and end it with $",
  ],
  ["a pattern with flags", word.regex(/^a$/i).meta(meta("A")), "a pattern with flags, which are lost"],
  ["a trimmed text", word.trim().meta(meta("x")), "a text that is changed while it is checked"],
  ["a small float", z.float32().meta(meta(1)), "a number of format float32"],
  ["multiples", z.number().multipleOf(5).meta(meta(5)), "a number of which only multiples are allowed"],
  ["an enum of numbers", z.enum({ one: 1 }).meta(meta(1)), "an enum of numbers"],
  [
    "local times",
    z.iso.datetime({ offset: true }).meta(meta("2026-01-15T06:00:00Z")),
    "a time that need not be in UTC",
  ],
  ["a missing field", word.optional().meta(meta("x")), "a field that may be missing; make it nullable()"],
  [
    "a field without an example",
    word.nullable(),
    'needs a description and an example, in a last .meta({ description: "…", example: … })',
  ],
  ["a wrong example", word.meta(meta("x".repeat(21))), `its example "${"x".repeat(21)}" breaks its rules`],
])("%s is refused with the field's name, the reason and what is supported", (_, schema, why) => {
  expect(() => fieldsOf({ id: word.meta(meta("x")), odd: schema })).toThrow(`\nodd: ${why}\nSupported are `);
});

test.each(["order", "group", "user", "index", "token"])("a name that CQL or SQL reserves is refused: %s", (name) => {
  expect(() => fieldsOf({ [name]: word.meta(meta("x")) })).toThrow(`\n${name}: a word that CQL or SQL reserves`);
});

test("a name that CQL and SQL would change is refused", () => {
  expect(() => fieldsOf({ birthDate: z.iso.date().meta(meta("1978-04-22")) })).toThrow(
    "\nbirthDate: a name may have only",
  );
});

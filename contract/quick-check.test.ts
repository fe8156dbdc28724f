import { expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { idField } from "./entity.ts";
import type { FieldKind } from "./fields.ts";
import { quickCheckOf } from "./quick-check.ts";
import { invalidUsers, validUsers } from "./samples.ts";
import { fields, User } from "./user.ts";
import { anyText, email, name, time, uuid, webAddress } from "./values.ts";

/** Whether the quick check says yes; it must then be what the schema says. */
function agrees(schema: z.ZodType, value: unknown): boolean {
  const isSure = quickCheckOf(schema)?.(value) ?? false;
  if (isSure) {
    const parsed = schema.safeParse(value);
    expect(parsed).toEqual({ success: true, data: value });
    expect(JSON.stringify(parsed.data)).toBe(JSON.stringify(value));
  }
  return isSure;
}

/** The contract without its lists, which have no quick check. */
const names = fields.filter(({ kind }) => (kind as FieldKind) !== "list").map(({ name }) => String(name));
const reduced = (value: object) =>
  Object.fromEntries(names.filter((name) => name in value).map((name) => [name, value[name as never]]));
const schema = z.strictObject(reduced(User.shape) as z.ZodRawShape);
/** In the contract's order, as Avro has them. */
const samples: readonly Record<string, unknown>[] = validUsers.map(reduced);

/** The same question is asked again after a value that was refused: nothing of it may be left. */
const refused = { ...samples[0], [idField]: "42" };

test("samples: it says yes to the valid ones, and no to the others", () => {
  const check = quickCheckOf(schema);
  for (const user of samples) {
    expect([check?.(user), check?.(refused), check?.(user)]).toEqual([true, false, true]);
    expect(agrees(schema, user)).toBe(true);
  }
  for (const { field, value } of invalidUsers)
    if (names.includes(field)) expect([value, check?.(reduced(value as object))]).toEqual([value, false]);
  expect(check?.({ ...samples[0], other: "" })).toBe(false);
  expect(check?.(Object.fromEntries(Object.entries(samples[0] ?? {}).reverse()))).toBe(false);
  expect(check?.({ ...samples[0], [idField]: `${samples[0]?.[idField]}`.toUpperCase() })).toBe(false);
  for (const none of [null, undefined, "", 1, [], () => {}]) expect(check?.(none)).toBe(false);
});

const odd = fc.oneof(
  fc.constantFrom(null, undefined, 0, -0, NaN, 1.5, 2 ** 53, true, [], {}, new Date(0), Symbol.iterator, 1n),
  fc.constantFrom("", " ", "\u0000", "\ud83e", "\u3000", "a@b", "x".repeat(50), "🦉".repeat(50), "🦉".repeat(51)),
  fc.constantFrom(
    "2026-02-29T00:00:00Z",
    "2024-02-29T00:00:00.000Z",
    "2026-01-15T06:00:00+01:00",
    "0000-01-01T00:00:00Z",
  ),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 60 }),
  fc.uuid({ version: 4 }),
  fc.emailAddress(),
  fc.webUrl(),
  fc.date({ noInvalidDate: true }).map((at) => at.toISOString()),
);

test("users with any values: it says yes only where the schema does, and changes nothing", () => {
  const changes = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(schema.shape)), fc.string()), odd, {
    maxKeys: 3,
  });
  const cases = fc.tuple(
    fc.constantFrom(...samples),
    changes,
    fc.option(fc.constantFrom(...Object.keys(schema.shape))),
  );
  let yes = 0;
  fc.assert(
    fc.property(cases, ([user, changed, removed]) => {
      const value: Record<string, unknown> = { ...user, ...changed };
      if (removed) delete value[removed];
      yes += Number(agrees(schema, value));
    }),
    { numRuns: 3_000 },
  );
  expect(yes).toBeGreaterThan(100);
});

test("fields of every kind, with any value: it says yes only where the schema does", () => {
  const kinds = {
    text: anyText(50),
    short: name(50),
    id: uuid(),
    mail: email(),
    web: webAddress(),
    at: time(),
    day: z.iso.date(),
    int: z.int32().min(-5),
    long: z.int(),
    double: z.number(),
    flag: z.boolean(),
    size: z.enum(["a@b", ""]),
    trimmed: z.string().trim(),
    coerced: z.coerce.string(),
    never: z.string().refine(() => false),
    checked: z.string().check(({ value, issues }) => {
      if (value.length > 3) issues.push({ code: "custom", message: "long", input: value });
    }),
  };
  for (const schema of Object.values(kinds).flatMap((kind) => [kind, kind.nullable()])) {
    const record = z.strictObject({ value: schema });
    fc.assert(fc.property(odd, (value) => void agrees(record, { value })));
  }
});

test("a schema with other rules is asked itself", () => {
  const text = z.string();
  const ruled = z.strictObject({ text }).refine(() => false);
  const fieldsOf = [z.array(text), text.optional(), text.default(""), text.transform(Number), z.strictObject({ text })];
  for (const schema of [ruled, text, ...fieldsOf.map((field) => z.strictObject({ field }))])
    expect(quickCheckOf(schema)).toBeUndefined();
  const waiting = z.strictObject({ text: text.refine(async () => false) });
  expect(quickCheckOf(waiting)?.({ text: "" })).toBe(false);
});

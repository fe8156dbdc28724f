import { z } from "zod";
import { fieldsOf } from "./fields.ts";

// Portable to every engine that checks the contract: no \s, whose meaning differs between JavaScript, Java and Python.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are the rejected characters
const EMAIL = /^[^@"\u0000-\u0020]{1,64}@[^@\u0000-\u0020]{1,255}$/;
// PostgreSQL cannot store U+0000 in a text column.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is the rejected character
const WITHOUT_NUL = /^[^\u0000]*$/;
// The nil and max UUIDs have no version and do not identify anyone.
const RFC_UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$/;
// Unicode white space, lookalikes of it, and control characters except U+0000.
const BLANK = String.raw`\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff`;
const NOT_BLANK = new RegExp(String.raw`^[${BLANK}]*[^\u0000${BLANK}][^\u0000]*$`);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are the rejected characters
const WEB_ADDRESS = /^https?:\/\/[^\u0000-\u0020\u007f/?#][^\u0000-\u0020\u007f]*$/;

/** Text that UTF-8 can encode: JSON can contain half a surrogate pair, which cannot be sent or stored. */
const text = (maxLength: number, pattern: RegExp, expected: string) =>
  z
    .string()
    .max(maxLength)
    .regex(pattern, expected)
    .refine((value) => value.isWellFormed(), "must be Unicode text without unpaired surrogates");
const anyText = (maxLength: number) => text(maxLength, WITHOUT_NUL, "must not contain U+0000");
const name = (maxLength: number) =>
  text(maxLength, NOT_BLANK, "must contain more than white space, and no U+0000").min(1);
const time = () => z.iso.datetime();

/**
 * One user as it crosses every boundary. `id` is the Kafka key and both tables' primary key; `timestamp` is the write
 * time in both tables. The Avro schema, CQL, SQL and OpenAPI components are all generated from this object, in this
 * order of fields. Lengths are in code points; a count in a pattern is in UTF-16 code units.
 */
export const User = z
  .strictObject({
    id: z.string().regex(RFC_UUID, "must be a UUID as RFC 9562 has it").toLowerCase().meta({
      format: "uuid",
      description: "Stable identity, given by the source, or a UUIDv5 of the source's own key.",
      example: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8",
    }),
    first_name: name(200).meta({ description: "Given name; personal data.", example: "Rachel" }),
    last_name: name(200).meta({ description: "Family name; personal data.", example: "Kelley" }),
    gender: anyText(50).nullable().meta({ description: "As the source states it.", example: "female" }),
    email: text(320, EMAIL, "must be an e-mail address").meta({
      description: "Contact address; personal data.",
      example: "rachel.kelley@example.com",
    }),
    username: name(200).meta({ description: "Login name; never the password.", example: "beautifulfish935" }),
    phone: anyText(50)
      .nullable()
      .meta({ description: "Landline number in the country's own notation; personal data.", example: "021-892-1751" }),
    address: anyText(1_000).nullable().meta({
      description: "Postal address, `number street, city, state, country`; personal data.",
      example: "857 Alexander Road, Limerick, Kilkenny, Ireland",
    }),
    post_code: anyText(50)
      .nullable()
      .meta({ description: "Postal code; always text, since some countries use letters.", example: "11174" }),
    dob: time()
      .nullable()
      .meta({ description: "Date of birth, UTC; personal data.", example: "1978-04-22T07:00:07.471Z" }),
    registered_date: time()
      .nullable()
      .meta({ description: "When the user registered at the source, UTC.", example: "2019-08-19T08:16:27.068Z" }),
    picture: text(2_000, WEB_ADDRESS, "must be an http or https URL").nullable().meta({
      description: "Address of a portrait on the web.",
      example: "https://randomuser.me/api/portraits/med/women/63.jpg",
    }),
    timestamp: time().meta({
      description: "When the source was read, or the row last written, UTC; the newest write wins.",
      example: "2026-01-15T06:00:00.000Z",
    }),
  })
  .meta({ id: "User", description: "A user profile." });
export type User = z.infer<typeof User>;

/** The contract's fields in order, derived from `User`. */
export const fields = fieldsOf(User.shape);

/** A value's first validation error, as `path: what was expected`; `prefix` is the path of the value itself. */
export function firstFault(error: z.ZodError, prefix = ""): string {
  const issue = error.issues[0];
  if (!issue) return "invalid";
  const path = issue.path.reduce<string>(
    (line, key) => (typeof key === "number" ? `${line}[${key}]` : line ? `${line}.${String(key)}` : String(key)),
    prefix,
  );
  return path ? `${path}: ${issue.message}` : issue.message;
}

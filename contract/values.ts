/** What fields are made of: values that every engine checks alike, by their lengths and patterns. */
import { z } from "zod";

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
export const anyText = (maxLength: number) => text(maxLength, WITHOUT_NUL, "must not contain U+0000");
/** Text with something to see in it. */
export const name = (maxLength: number) =>
  text(maxLength, NOT_BLANK, "must contain more than white space, and no U+0000").min(1);
/** ISO 8601, UTC. */
export const time = () => z.iso.datetime();

export const uuid = () =>
  z.string().regex(RFC_UUID, "must be a UUID as RFC 9562 has it").toLowerCase().meta({ format: "uuid" });
export const email = () => text(320, EMAIL, "must be an e-mail address");
export const webAddress = () => text(2_000, WEB_ADDRESS, "must be an http or https URL");

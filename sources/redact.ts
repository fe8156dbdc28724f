import { z } from "zod";

/**
 * The part of a rejected value that may be shown: the keys and lists of `schema` and their scalar values. Everything else
 * is left out, so that no secret of a source leaves `fetch` in a reject.
 */
export function redact(schema: z.ZodType, value: unknown): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return withheld;
    const known = Object.entries(inner.shape).filter(([key]) => Object.hasOwn(value, key));
    return Object.fromEntries(
      known.map(([key, child]) => [key, redact(child as z.ZodType, (value as Record<string, unknown>)[key])]),
    );
  }
  if (inner instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => redact(inner.element as z.ZodType, item));
  return value !== null && typeof value === "object" ? withheld : value;
}

/** Replaces an object or array that the schema does not describe. */
const withheld = "[withheld]";

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodNullable || schema instanceof z.ZodOptional
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema;
}

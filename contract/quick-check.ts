import { z } from "zod";

/** What Zod passes from check to check: a value, which a check may change, and the faults found so far. */
type Payload = z.core.ParsePayload;

/** One field, and the checks of its value, which add a fault to the payload; one that returns something has not decided yet. */
interface Part {
  name: string;
  isNullable: boolean;
  isText: boolean;
  checks: readonly ((payload: Payload) => unknown)[];
}

/**
 * A quick check for most values of an object: if it is true, the schema accepts the value and changes neither it nor the
 * order of its fields; if it is false, the schema has to say. It takes a fourth of the time, since it calls the schema's own
 * checks, one after the other, and makes no objects. Undefined if the schema has rules for the whole object, or a field that
 * is more than one value.
 */
export function quickCheckOf(schema: z.ZodType): ((value: unknown) => boolean) | undefined {
  if (!(schema instanceof z.ZodObject) || schema.def.checks?.length) return undefined;
  const parts = Object.entries(schema.shape).map(([name, field]) => partOf(name, field as z.ZodType));
  if (!parts.every((part) => part !== undefined)) return undefined;
  let payload: Payload = { value: undefined, issues: [] };

  const accepts = ({ isNullable, isText, checks }: Part, value: unknown) => {
    if (value === null && isNullable) return true;
    if (isText && typeof value !== "string") return false;
    payload.value = value;
    for (const check of checks) if (check(payload) !== undefined) return false;
    return payload.issues.length === 0 && payload.value === value;
  };

  return (value) => {
    if (typeof value !== "object" || value === null) return false;
    let names = 0;
    for (const name in value) if (parts[names++]?.name !== name) return false;
    if (names !== parts.length) return false;
    for (const part of parts)
      if (!accepts(part, (value as Record<string, unknown>)[part.name])) {
        payload = { value: undefined, issues: [] };
        return false;
      }
    return true;
  };
}

function partOf(name: string, field: z.ZodType): Part | undefined {
  const isNullable = field instanceof z.ZodNullable;
  const schema = (isNullable ? field.unwrap() : field) as z.ZodType;
  const isText = schema instanceof z.ZodString || schema instanceof z.ZodStringFormat;
  if (isText) return { name, isNullable, isText, checks: checksOf(schema) };
  if (!(schema instanceof z.ZodNumber || schema instanceof z.ZodBoolean || schema instanceof z.ZodEnum))
    return undefined;
  const run = (payload: Payload) => (schema._zod.run(payload, {}) === payload ? undefined : "waits");
  return { name, isNullable, isText, checks: [run] };
}

/** A text's checks. A format such as a time is a check itself. */
function checksOf(schema: z.ZodString | z.ZodStringFormat): Part["checks"] {
  const own = "check" in schema._zod ? [schema as unknown as z.core.$ZodCheck] : [];
  return [...own, ...(schema.def.checks ?? [])].map(({ _zod }) => _zod.check as (payload: Payload) => unknown);
}

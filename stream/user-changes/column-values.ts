import { isoDate } from "../../contract/avro-types.ts";
import type { FieldKind } from "../../contract/fields.ts";

/** Debezium's placeholder for a large unchanged value that PostgreSQL did not log. */
const unavailable = "__debezium_unavailable_value";

/** Whether a column's value was omitted; of a list, the placeholder is the only item. */
export const isOmitted = (value: unknown) =>
  value === unavailable || (Array.isArray(value) && value.length === 1 && value[0] === unavailable);

/**
 * A column's value as Debezium writes it (JSON, with `time.precision.mode` connect) -> the contract's format. A value
 * that is impossible for the kind becomes one that the contract rejects.
 */
export function columnValue(kind: FieldKind, value: unknown): unknown {
  if (value === null) return null;
  switch (kind) {
    case "timestamp":
      return isoTimeOf(value);
    case "date":
      return isoDateOf(value);
    default:
      return value;
  }
}

/** Truncates PostgreSQL's microseconds to the contract's milliseconds. */
function isoTimeOf(value: unknown): unknown {
  const millis = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(millis) ? value : new Date(millis).toISOString();
}

/** A date is its days since 1970; PostgreSQL's infinity is beyond JavaScript's dates. */
function isoDateOf(value: unknown): unknown {
  try {
    return typeof value === "number" && Number.isInteger(value) ? isoDate(value) : undefined;
  } catch {
    return undefined;
  }
}

import { z } from "zod";

/** A field's type, which determines its Avro, CQL, SQL and JSON types. A list is one of texts. */
export type FieldKind = "uuid" | "text" | "int" | "long" | "double" | "boolean" | "timestamp" | "date" | "list";

/** A field's value in a user. Times and dates are ISO 8601 text. */
export type FieldValue = string | number | boolean | readonly string[] | null;

/** What JSON Schema says about a value, in its words. Lengths are in code points. */
export interface Rules {
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  maxItems?: number;
}

/** One field of the contract, with what the generated files need. */
export interface Field<Name extends string = string> {
  name: Name;
  kind: FieldKind;
  nullable: boolean;
  description: string;
  example: FieldValue;
  rules: Rules;
  /** The rules for the items of a list. */
  items?: Rules;
}

interface JsonSchema extends Rules {
  format?: string;
  allOf?: unknown;
  multipleOf?: number;
  enum?: (string | number)[];
}

const supported = `Supported are z.string() with a maximum length, a UUID (format "uuid"), z.enum() of texts, z.int32(), z.int(), \
z.number(), z.boolean(), z.iso.datetime(), z.iso.date(), and z.array() of texts with maximum lengths; each may be nullable().`;

/**
 * The fields of a record, in order.
 * @throws Error that names every field which cannot be mapped to all of the contract's formats, and why
 */
export function fieldsOf<Shape extends z.ZodRawShape>(shape: Shape): readonly Field<keyof Shape & string>[] {
  const faults: string[] = [];
  const fields = Object.entries(shape).flatMap(([name, schema]) => {
    try {
      return [fieldOf(name as keyof Shape & string, schema as z.ZodType)];
    } catch (error) {
      if (!(error instanceof Unmappable)) throw error;
      faults.push(`${name}: ${error.message}`);
      return [];
    }
  });
  if (faults.length > 0)
    throw new Error(`The contract has fields that cannot be mapped.\n${faults.join("\n")}\n${supported}`);
  return fields;
}

class Unmappable extends Error {}

/**
 * Words that cannot name a column in CQL or in SQL.
 * Source: cassandra.apache.org, "Appendix A: CQL Keywords"; postgresql.org/docs/current/sql-keywords-appendix.html
 */
const reserved = new Set(
  `add all allow alter analyse analyze and any apply array as asc asymmetric authorize authorization batch begin binary
   both by case cast check collate collation column columnfamily concurrently constraint create cross current_catalog
   current_date current_role current_schema current_time current_timestamp current_user default deferrable delete desc
   describe distinct do drop else end entries except execute false fetch for foreign freeze from full grant group having
   if ilike in index infinity initially inner insert intersect into is isnull join keyspace lateral leading left like
   limit localtime localtimestamp materialized modify nan natural norecursive not notnull null of offset on only or order
   outer overlaps placing primary references rename replace returning revoke right schema select session_user set similar
   some symmetric system_user table tablesample then to token trailing true truncate union unique unlogged update use user
   using variadic verbose view when where window with`.split(/\s+/),
);

function fieldOf<Name extends string>(name: Name, schema: z.ZodType): Field<Name> {
  if (!/^[a-z][a-z0-9_]*$/.test(name))
    throw new Unmappable("a name may have only lower-case letters, digits and underscores, and begins with a letter");
  if (reserved.has(name)) throw new Unmappable("a word that CQL or SQL reserves; choose another name");
  const nullable = schema instanceof z.ZodNullable;
  const value = (nullable ? schema.unwrap() : schema) as z.ZodType;
  const mapped = mappingOf(value);
  const { description, example } = schema.meta() ?? {};
  if (typeof description !== "string" || example === undefined)
    throw new Unmappable('needs a description and an example, in a last .meta({ description: "…", example: … })');
  if (!schema.safeParse(example).success)
    throw new Unmappable(`its example ${JSON.stringify(example)} breaks its rules`);
  return { name, nullable, description, example: example as FieldValue, ...mapped };
}

function mappingOf(schema: z.ZodType): Pick<Field, "kind" | "rules" | "items"> {
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return ofText(schema);
  if (schema instanceof z.ZodEnum) return { kind: "text", rules: enumRules(schema) };
  if (schema instanceof z.ZodNumber) return { kind: numberKind(schema), rules: numberRules(schema) };
  if (schema instanceof z.ZodBoolean) return { kind: "boolean", rules: {} };
  if (schema instanceof z.ZodArray) return ofList(schema);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    throw new Unmappable("a field that may be missing; make it nullable()");
  throw new Unmappable(`the type ${schema.type} is not supported`);
}

function ofText(schema: z.ZodType): Pick<Field, "kind" | "rules"> {
  const { format, allOf, pattern, minLength, maxLength } = jsonOf(schema);
  if (format === "uuid") return { kind: "uuid", rules: { pattern } };
  if (schema instanceof z.ZodISODateTime) {
    if (format === undefined || schema.safeParse("2026-01-15T06:00:00+01:00").success)
      throw new Unmappable("a time that need not be in UTC");
    return { kind: "timestamp", rules: {} };
  }
  if (schema instanceof z.ZodISODate) return { kind: "date", rules: {} };
  if (allOf !== undefined) throw new Unmappable("a text with several patterns; join them in one");
  if (format !== undefined && pattern === undefined) throw new Unmappable(`a text of format ${format}; use .regex()`);
  const checks = (schema._zod.def.checks ?? []).map((check) => check._zod.def as { check: string; pattern?: RegExp });
  if (checks.some((check) => check.pattern?.flags)) throw new Unmappable("a pattern with flags, which are lost");
  if (pattern !== undefined && !(pattern.startsWith("^") && pattern.endsWith("$")))
    throw new Unmappable("a pattern that is not anchored: begin it with ^ and end it with $");
  if (checks.some(({ check }) => check === "overwrite"))
    throw new Unmappable("a text that is changed while it is checked");
  if (maxLength === undefined) throw new Unmappable("a text without a maximum length: add .max(200)");
  return { kind: "text", rules: { minLength, maxLength, pattern } };
}

function enumRules(schema: z.ZodEnum): Rules {
  const values = jsonOf(schema).enum ?? [];
  if (!values.every((value) => typeof value === "string")) throw new Unmappable("an enum of numbers");
  return { pattern: `^(${values.map((value) => value.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|")})$` };
}

function numberKind({ format }: z.ZodNumber): FieldKind {
  if (format === "int32") return "int";
  if (format === "safeint") return "long";
  if (!format || format === "float64") return "double";
  throw new Unmappable(`a number of format ${format}`);
}

function numberRules(schema: z.ZodNumber): Rules {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = jsonOf(schema);
  if (multipleOf !== undefined) throw new Unmappable("a number of which only multiples are allowed");
  return { minimum, maximum, exclusiveMinimum, exclusiveMaximum };
}

function ofList(schema: z.ZodArray): Pick<Field, "kind" | "rules" | "items"> {
  const item = mappingOf(schema.element as z.ZodType);
  if (item.kind !== "text") throw new Unmappable(`a list of ${item.kind}`);
  const { minItems, maxItems } = jsonOf(schema);
  if (maxItems === undefined) throw new Unmappable("a list without a maximum length: add .max(20)");
  return { kind: "list", rules: { minItems, maxItems }, items: item.rules };
}

const jsonOf = (schema: z.ZodType) => z.toJSONSchema(schema) as JsonSchema;

import avro from "avsc";

/** An Avro schema (JSON) and the name of its file. */
export interface NamedSchema {
  name: string;
  text: string;
}

/**
 * Checks `schema` against the published versions: each of their fields must still exist with its type, and by Avro's
 * schema resolution it must read their messages, and they must read its messages.
 * @returns a sentence for each incompatibility
 */
export function breaksWith(schema: string, published: readonly NamedSchema[]): string[] {
  const lost = published.flatMap(({ name, text }) => lostFields(typesOf(text), typesOf(schema), name));
  if (lost.length > 0) return [...new Map(lost.map(({ field, sentence }) => [field, sentence])).values()];

  const now = avro.Type.forSchema(JSON.parse(schema));
  return published.flatMap(({ name, text }) => {
    const then = avro.Type.forSchema(JSON.parse(text));
    return [
      ...breakOf(now, then, `messages of ${name} can no longer be read`),
      ...breakOf(then, now, `a consumer of ${name} can no longer read new messages`),
    ];
  });
}

/** Avro reads a message without a removed or renamed nullable field, and so loses its value silently. */
function lostFields(then: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>, version: string) {
  return [...then].flatMap(([field, type]) => {
    const current = now.get(field);
    if (current === type) return [];
    const change = current === undefined ? "is missing" : `is ${current} instead of ${type}`;
    const advice =
      current === undefined
        ? "A field cannot be removed or renamed, since programs of both versions run side by side and Cassandra cannot " +
          "rename a column. Keep it, and add the new one, nullable, beside it; fill both until all readers use the new one."
        : "A column's type cannot change. Keep the field, and add another, nullable, beside it.";
    return [
      {
        field,
        sentence: `${field}: published in ${version}, ${change}. ${advice} (docs/decisions/0008-fields-stay.md)`,
      },
    ];
  });
}

/** Each field's type apart from null, as `type` or `type (logical type)`; the fields of a record within as `name.field`. */
function typesOf(schema: string): Map<string, string> {
  return new Map(typesIn(JSON.parse(schema), ""));
}

function typesIn({ fields }: { fields?: AvroField[] }, prefix: string): [string, string][] {
  return (fields ?? []).flatMap(({ name, type }): [string, string][] => {
    const value = nonNull(type);
    const inner = typeof value === "object" ? typesIn(value, `${prefix}${name}.`) : [];
    return [[`${prefix}${name}`, nameOf(value)], ...inner];
  });
}

interface AvroField {
  name: string;
  type: AvroType;
}
type ValueType = string | { type: string; logicalType?: string; items?: AvroType; fields?: AvroField[] };
type AvroType = ValueType | ValueType[];

const nonNull = (type: AvroType): ValueType =>
  Array.isArray(type) ? (type.find((branch) => branch !== "null") ?? "null") : type;

function nameOf(of: AvroType): string {
  const type = nonNull(of);
  if (typeof type === "string") return type;
  if (type.items !== undefined) return `array of ${nameOf(type.items)}`;
  return type.logicalType === undefined ? type.type : `${type.type} (${type.logicalType})`;
}

/** Whether two schemas have the same binary encoding, that is, the same canonical form. */
export const sameBytes = (one: string, other: string) => canonical(one) === canonical(other);

const canonical = (text: string) => JSON.stringify(avro.Type.forSchema(JSON.parse(text)).schema());

function breakOf(reader: avro.Type, writer: avro.Type, sentence: string): string[] {
  try {
    reader.createResolver(writer);
    return [];
  } catch (error) {
    return [`${sentence}: ${error instanceof Error ? error.message : error}`];
  }
}

/**
 * The fields' Avro types as avsc reads and writes them. Where avsc would change a value, or differ from Java's Avro,
 * which Spark uses, its types are replaced here.
 */
import avro from "avsc";
import type { Field } from "./fields.ts";
import { readVarint, writeVarint } from "./varint.ts";

/** A field's type in Avro JSON. The items of a list have their rules as attributes. */
export const avroTypeOf = ({ kind, items }: Field) =>
  kind === "list" ? ({ type: "array", items: { type: "string", ...items } } as const) : avroTypes[kind];

const avroTypes = {
  uuid: { type: "string", logicalType: "uuid" },
  text: "string",
  int: "int",
  long: "long",
  double: "double",
  boolean: "boolean",
  timestamp: { type: "long", logicalType: "timestamp-millis" },
  date: { type: "int", logicalType: "date" },
} as const;

/** The type of any schema. `registry` has the named types that it may reference; those it defines are added. */
export const typeOf = (schema: avro.Schema, registry: Record<string, avro.Type> = {}) =>
  avro.Type.forSchema(schema, {
    registry,
    logicalTypes: { "timestamp-millis": IsoTime, date: IsoDate },
    omitRecordMethods: true,
  });

/**
 * A field's type that resolves a writer's type by Avro's "Schema Resolution", with these differences: of a union, only
 * the branch of the actual value must be readable, whereas avsc requires it of every branch; an int and a long can each
 * be read as the other, since the field's rules bound both; a long cannot be read as a double, which would round it.
 */
export function fieldTypeOf(field: Field): avro.Type {
  const type = valueType(field);
  return readingUnions(field, field.nullable ? typeOf(["null", type] as unknown as avro.Schema) : type);
}

function valueType(field: Field): avro.Type {
  switch (field.kind) {
    case "int":
    case "long":
      return wholeNumber(field.kind);
    case "double":
      return changed("double", { _update: onlyFrom(["double", "float", "int"]) });
    case "boolean":
      return changed("boolean", { _read: (tap: Tap) => tap.buf[tap.pos++] === 1 }); // as in Java
    case "list":
      return typeOf({ type: "array", items: readingUnions(field, typeOf("string")) } as unknown as avro.Schema);
    default:
      return typeOf(avroTypes[field.kind] as avro.Schema);
  }
}

/** What avsc's types use of a reader or writer: its bytes and the position, which may pass the end. */
interface Tap {
  buf: Buffer;
  pos: number;
}
type Update = (resolver: { _read?: unknown }, writer: avro.Type) => void;

/** avsc freezes its types, and reads and writes through their underscored methods. */
const changed = (name: "int" | "long" | "double" | "boolean", methods: object): avro.Type =>
  Object.create(
    typeOf(name),
    Object.fromEntries(Object.entries(methods).map(([method, value]) => [method, { value }])),
  ) as avro.Type;

/** avsc's own numbers are wrong from -2^52 on, and it refuses 2^53 - 1. @throws RangeError if one is not exact */
function wholeNumber(kind: "int" | "long"): avro.Type {
  const _read = (tap: Tap) => {
    const cursor = { bytes: tap.buf, at: tap.pos };
    const value = readVarint(cursor);
    if (!Number.isSafeInteger(value)) throw new RangeError(`the number ${value} cannot be represented exactly`);
    tap.pos = cursor.at;
    return value;
  };
  const _write = (tap: Tap, value: number) => {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number`);
    writeVarint(value, (byte) => {
      tap.buf[tap.pos++] = byte;
    });
  };
  const _update: Update = (resolver, writer) => {
    if (["int", "long"].includes(writer.typeName)) resolver._read = _read;
  };
  return changed(kind, { _read, _write, _update, _check: (value: unknown) => Number.isSafeInteger(value) });
}

function onlyFrom(writers: readonly string[]): Update {
  const { _update } = typeOf("double") as unknown as { _update: Update };
  return (resolver, writer) => {
    if (writers.includes(writer.typeName)) _update(resolver, writer);
  };
}

/** A type that resolves a writer's union branch by branch. */
export function readingUnions({ name }: Pick<Field, "name">, type: avro.Type): avro.Type {
  const refusal = new Error(`${name}: the writer's type cannot be resolved to the contract's`);
  const createResolver = (writer: avro.Type) => {
    const branches = (isUnion(writer) ? writer.types : [writer]).map((branch) => {
      try {
        return type.createResolver(branch);
      } catch {
        return undefined;
      }
    });
    const readable = branches.find((branch) => branch !== undefined);
    if (!readable) throw refusal;
    if (!isUnion(writer)) return readable;
    const read = (tap: { readLong(): number }) => {
      const branch = branches[tap.readLong()] as { _read(tap: unknown): unknown } | undefined;
      if (!branch) throw refusal;
      return branch._read(tap);
    };
    return Object.create(readable, { _read: { value: read } }) as avro.Resolver;
  };
  return Object.create(type, { createResolver: { value: createResolver } }) as avro.Type;
}

const isUnion = (type: avro.Type): type is avro.types.UnwrappedUnionType => avro.Type.isType(type, "union");

/** timestamp-millis in the contract's time format: ISO 8601, UTC, milliseconds. */
class IsoTime extends avro.types.LogicalType {
  protected override _fromValue(millis: number) {
    return new Date(millis).toISOString();
  }
  protected override _toValue(iso: string) {
    return Date.parse(iso);
  }
  protected override _resolve(type: avro.Type) {
    return avro.Type.isType(type, "logical:timestamp-millis") ? asRead : undefined;
  }
}

/** A writer's logical type has already read its value as text. */
const asRead = (text: string) => text;

const dayMs = 86_400_000;

/** Days since 1970 as an ISO 8601 date. A writer's date must be one, too. */
class IsoDate extends avro.types.LogicalType {
  constructor(schema: avro.Schema, options: object) {
    super(schema, options);
    if (this.underlyingType.typeName !== "int") throw new Error("a date is an int");
  }
  protected override _fromValue(days: number) {
    return isoDate(days);
  }
  protected override _toValue(iso: string) {
    return Date.parse(iso) / dayMs;
  }
  protected override _resolve(type: avro.Type) {
    return avro.Type.isType(type, "logical:date") ? asRead : undefined;
  }
}

/** Days since 1970 -> ISO 8601. A year that has not four digits gets a sign. @throws RangeError beyond JavaScript's dates */
export const isoDate = (days: number) => new Date(days * dayMs).toISOString().split("T")[0]!;

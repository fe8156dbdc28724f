/**
 * Bounds the cost of decoding foreign Avro. avsc trusts every count, so the bytes are first walked by their schema, and
 * schemas that let a few bytes cause unbounded work are refused. spark/user_schema.py has the same rules.
 */
import avro from "avsc";
import { type Cursor, readVarint } from "./varint.ts";

/** Limits of a schema: characters, nesting depth, and types with every reference expanded. */
export const schemaLimits = { length: 256 * 1024, depth: 32, types: 2_000 };

/** How many steps decoding a value of 64 KiB may take; a user takes about thirty. */
const maxSteps = 500_000;

/** How a type is encoded in bytes. */
type Shape =
  | { kind: "fixed"; length: number }
  | { kind: "number" }
  | { kind: "text" }
  | { kind: "record"; fields: Shape[] }
  | { kind: "union"; branches: Shape[] }
  | { kind: "array"; items: Shape }
  | { kind: "map"; values: Shape };

/** @throws if the bytes are not a value of the type, or walking them takes too many steps */
export type Walk = (body: Buffer) => void;

/** @throws if the cost of decoding values of `type` cannot be bounded */
export function walkOf(type: avro.Type): Walk {
  const shape = shapeOf(type, { depth: 0, inside: [], count: { types: 0 } });
  return (body) => {
    const cursor: Walker = { bytes: body, at: 0, steps: 0 };
    walk(shape, cursor);
    if (cursor.at !== body.length) throw new Error(`${body.length - cursor.at} bytes follow the record`);
  };
}

interface Place {
  depth: number;
  /** The records that contain this type. */
  inside: avro.Type[];
  count: { types: number };
}

function shapeOf(type: avro.Type, { depth, inside, count }: Place): Shape {
  const { types } = avro;
  if (type instanceof types.LogicalType) return shapeOf(type.underlyingType, { depth, inside, count });
  if (depth > schemaLimits.depth) throw new Error(`types are nested more than ${schemaLimits.depth} deep`);
  if (++count.types > schemaLimits.types) throw new Error(`it has more than ${schemaLimits.types} types`);
  if (inside.includes(type)) throw new Error(`${type.name ?? "a type"} contains itself`);
  const within = (child: avro.Type, deeper = inside) => shapeOf(child, { depth: depth + 1, inside: deeper, count });

  if (type instanceof types.RecordType)
    return { kind: "record", fields: type.fields.map((field) => within(field.type, [...inside, type])) };
  if (type instanceof types.UnwrappedUnionType || type instanceof types.WrappedUnionType)
    return { kind: "union", branches: type.types.map((branch) => within(branch)) };
  if (type instanceof types.MapType) return { kind: "map", values: within(type.valuesType) };
  if (type instanceof types.ArrayType) {
    const items = within(type.itemsType);
    if (leastBytes(items) === 0) throw new Error("it has an array of items that take no bytes");
    return { kind: "array", items };
  }
  if (type instanceof types.FixedType) return { kind: "fixed", length: type.size };
  const length = { null: 0, boolean: 1, float: 4, double: 8 }[type.typeName as string];
  if (length !== undefined) return { kind: "fixed", length };
  return { kind: type.typeName === "string" || type.typeName === "bytes" ? "text" : "number" };
}

/** The minimum size of a value, in bytes. */
function leastBytes(shape: Shape): number {
  switch (shape.kind) {
    case "fixed":
      return shape.length;
    case "record":
      return shape.fields.reduce((sum, field) => sum + leastBytes(field), 0);
    default:
      return 1;
  }
}

/** A position in a body, and the number of steps taken to it. */
interface Walker extends Cursor {
  steps: number;
}

/** Walks one value, counting the same steps that avsc would take. */
function walk(shape: Shape, cursor: Walker): void {
  if (++cursor.steps > maxSteps) throw new Error(`a value takes more than ${maxSteps} steps`);
  switch (shape.kind) {
    case "fixed":
      pass(cursor, shape.length);
      return;
    case "number":
      readVarint(cursor);
      return;
    case "text":
      pass(cursor, readVarint(cursor));
      return;
    case "record":
      for (const field of shape.fields) walk(field, cursor);
      return;
    case "union": {
      const index = readVarint(cursor);
      const branch = shape.branches[index];
      if (!branch) throw new Error(`a union of ${shape.branches.length} has no branch ${index}`);
      walk(branch, cursor);
      return;
    }
    default:
      walkBlocks(shape, cursor);
  }
}

/** Arrays and maps are blocks: a count and that many items; after a negative count comes the block's size in bytes. */
function walkBlocks(shape: Extract<Shape, { kind: "array" | "map" }>, cursor: Walker): void {
  for (let count = readVarint(cursor); count !== 0; count = readVarint(cursor)) {
    const end = count < 0 ? readVarint(cursor) + cursor.at : undefined;
    for (let left = Math.abs(count); left > 0; left--) {
      if (shape.kind === "map") pass(cursor, readVarint(cursor)); // the key
      walk(shape.kind === "map" ? shape.values : shape.items, cursor);
    }
    if (end !== undefined && end !== cursor.at) throw new Error("a block's size does not match its items");
    cursor.steps++;
  }
}

function pass(cursor: Cursor, length: number): void {
  if (length < 0 || length > cursor.bytes.length - cursor.at)
    throw new Error(`a length of ${length} exceeds the remaining bytes`);
  cursor.at += length;
}

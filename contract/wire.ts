import type avro from "avsc";
import type { z } from "zod";
import { avroTypeOf, fieldTypeOf, typeOf } from "./avro-types.ts";
import { schemaLimits, type Walk, walkOf } from "./bounded-avro.ts";
import { namespace, recordName } from "./entity.ts";
import type { Field } from "./fields.ts";
import { firstFault } from "./first-fault.ts";
import { contractAttribute } from "./newer-schema.ts";
import { quickCheckOf } from "./quick-check.ts";
import { type Rejected, rejected } from "./topics.ts";
import { fields, User } from "./user.ts";

/** The largest value that is decoded, in bytes: well over the largest user. */
export const maxValueBytes = 64 * 1024;

/**
 * The Avro schema of a user (Avro 1.11). Each field has its rules, such as lengths and a pattern, as attributes that
 * Avro ignores, so that an engine in another language can check the same rules; the items of a list have theirs.
 */
export const avroSchema = {
  type: "record" as const,
  name: recordName,
  namespace,
  doc: "A user profile. Made from contract/user.ts; do not edit.",
  [contractAttribute]: fields.map(({ name }) => name),
  fields: fields.map((field: Field) => ({
    name: field.name,
    type: field.nullable ? (["null", avroTypeOf(field)] as const) : avroTypeOf(field),
    ...(field.nullable && { default: null }),
    doc: field.description,
    ...field.rules,
  })),
};

export const userType = typeOf({
  ...avroSchema,
  fields: fields.map((field, index) => ({ ...avroSchema.fields[index], type: fieldTypeOf(field) })),
} as unknown as avro.Schema);

/** avsc trusts the counts of lists, even in the contract's own schema. */
const hasLists = fields.some(({ kind }) => kind === "list");

/** Bytes of one Avro body -> a user (or another record of the contract), or why they are none. */
export type Reader<T = User> = (body: Buffer) => T | Rejected;

/** Makes the reader for values written with `writerSchema`; `references` as in `readerFor`. */
export type ReaderOf<T = User> = (writerSchema: string, references?: readonly string[]) => Reader<T>;

export const readerOf: ReaderOf = (writerSchema, references) =>
  readerFor({ what: "a user", type: userType, schema: User }, writerSchema, references);

/** A record of the contract: its name in messages, its Avro type, and its rules. */
interface RecordType<T> {
  what: string;
  type: avro.Type;
  schema: z.ZodType<T>;
}

/**
 * A reader for values written with `writerSchema` (Avro JSON), resolved to the contract's schema by Avro's "Schema
 * Resolution": fields missing in the writer's schema become null, fields that are not in the contract are skipped.
 * `references` are the schemas it references, each before those that reference it. For a schema that cannot be resolved
 * to the record, or with which a small value could be costly to decode, the reader rejects everything.
 */
export function readerFor<T>(
  { what, type, schema }: RecordType<T>,
  writerSchema: string,
  references: readonly string[] = [],
): Reader<T> {
  const isSurely = quickCheckOf(schema);
  let resolver: avro.Resolver | undefined;
  let walk: Walk | undefined;
  try {
    const writerType = writerTypeOf([...references, writerSchema]);
    const isContract = writerType.equals(type);
    if (hasLists || !isContract) walk = walkOf(writerType);
    if (!isContract) resolver = type.createResolver(writerType);
  } catch (error) {
    const refusal = rejected("undecodable", `the writer's schema cannot become ${what}: ${messageOf(error)}`);
    return () => refusal;
  }
  return (body) => {
    let value: unknown;
    try {
      walk?.(body);
      value = type.fromBuffer(body, resolver);
    } catch (error) {
      return rejected("undecodable", messageOf(error));
    }
    if (isSurely?.(value)) return value as T;
    const record = schema.safeParse(value);
    return record.success ? record.data : rejected("invalid_user", firstFault(record.error));
  };
}

/**
 * Reads values as their writer's schema has them, neither resolved to the contract nor checked.
 * @throws Error if a value, or any value of the schema, could be costly to decode; or if it is no value of the schema
 */
export function writtenReaderOf(writerSchema: string, references: readonly string[] = []): (body: Buffer) => unknown {
  const type = writerTypeOf([...references, writerSchema]);
  const walk = walkOf(type);
  return (body) => {
    walk(body);
    return type.fromBuffer(body);
  };
}

/** The type of the last schema; each may use the names of those before it. */
function writerTypeOf(schemas: readonly string[]): avro.Type {
  const length = schemas.reduce((sum, schema) => sum + schema.length, 0);
  if (length > schemaLimits.length) throw new Error(`it has ${length} characters, more than ${schemaLimits.length}`);
  const registry = {};
  return schemas.map((schema) => typeOf(JSON.parse(schema), registry)).at(-1)!;
}

/**
 * User -> Confluent wire format: magic byte 0, the schema id as four big-endian bytes, the Avro body.
 * Source: docs.confluent.io, "Wire format" of the Schema Registry serializers.
 */
export const encode = (user: User, schemaId: number): Buffer => framed(userType.toBuffer(user), schemaId);

/** An Avro body in the same format. */
export function framed(body: Buffer, schemaId: number): Buffer {
  const bytes = Buffer.allocUnsafe(5 + body.length);
  bytes.writeUInt8(0, 0);
  bytes.writeUInt32BE(schemaId, 1);
  body.copy(bytes, 5);
  return bytes;
}

/** The schema id of a value in the Confluent wire format, or why it has none. */
export function schemaIdOf(value: Buffer | null): number | Rejected {
  if (value === null) return rejected("no_value", "the value is null");
  if (value.length > maxValueBytes)
    return rejected("too_large", `the value has ${value.length} bytes, more than ${maxValueBytes}`);
  if (value.length < 5 || value[0] !== 0)
    return rejected("no_magic_byte", "the value does not begin with magic byte 0 and a schema id");
  return value.readUInt32BE(1);
}

/** Confluent wire format -> User, or what the readers read: one for each schema id, null for ids unknown to the registry. */
export function decode<T = User>(value: Buffer | null, readers: ReadonlyMap<number, Reader<T> | null>): T | Rejected {
  const id = schemaIdOf(value);
  if (typeof id !== "number") return id;
  const read = readers.get(id);
  return read
    ? read((value as Buffer).subarray(5))
    : rejected("unknown_schema", `the registry has no schema with id ${id}`);
}

/** Distinguishes a rejection from a record of the contract; they have no field in common. */
export const isRejected = <T extends object>(value: T | Rejected): value is Rejected => "reason" in value;

/** avsc repeats whole schemas in its messages. */
const maxMessageLength = 300;
const messageOf = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).slice(0, maxMessageLength);

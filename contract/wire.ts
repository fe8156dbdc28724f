import avro from "avsc";
import { type Rejected, rejected } from "./topics.ts";
import { type Field, fields, firstFault, User } from "./user.ts";

/** The largest value that is looked at, in bytes: well over the largest user. */
export const maxValueBytes = 64 * 1024;

const avroTypes = {
  uuid: { type: "string", logicalType: "uuid" },
  text: "string",
  timestamp: { type: "long", logicalType: "timestamp-millis" },
} as const;

/**
 * The Avro schema of a user (Avro 1.11). Lengths and patterns stand beside each field as attributes that Avro ignores,
 * so that an engine in another language can check what the contract checks.
 */
export const avroSchema = {
  type: "record" as const,
  name: "User",
  namespace: "user_automation",
  doc: "A user profile. Made from contract/user.ts; do not edit.",
  fields: fields.map(({ name, kind, nullable, description, ...constraints }: Field) => ({
    name,
    type: nullable ? (["null", avroTypes[kind]] as const) : avroTypes[kind],
    ...(nullable && { default: null }),
    doc: description,
    ...constraints,
  })),
};

/** timestamp-millis as the contract writes times: ISO 8601, UTC, milliseconds. */
class IsoTime extends avro.types.LogicalType {
  protected override _fromValue(millis: number) {
    return new Date(millis).toISOString();
  }
  protected override _toValue(iso: string) {
    return Date.parse(iso);
  }
  protected override _resolve(type: avro.Type) {
    return avro.Type.isType(type, "logical:timestamp-millis") ? this._fromValue : undefined;
  }
}

const typeOf = (schema: avro.Schema) =>
  avro.Type.forSchema(schema, {
    logicalTypes: { "timestamp-millis": IsoTime },
    wrapUnions: false,
    omitRecordMethods: true,
  });

const userType = typeOf(avroSchema as unknown as avro.Schema);

/** Bytes of one Avro body -> a user, or why they are none. */
export type Reader = (body: Buffer) => User | Rejected;

/**
 * A reader for values that were written with `writerSchema` (Avro JSON), resolved to the contract's schema as Avro's
 * "Schema Resolution" says: fields that the writer did not know become null, fields that the contract does not know
 * are passed over. A schema that cannot become a user gives a reader that rejects everything.
 */
export function readerOf(writerSchema: string): Reader {
  let writerType: avro.Type;
  let resolver: avro.Resolver | undefined;
  try {
    writerType = typeOf(JSON.parse(writerSchema));
    resolver = writerType.equals(userType) ? undefined : userType.createResolver(writerType);
  } catch {
    const refusal = rejected("undecodable", "the writer's schema cannot become a user");
    return () => refusal;
  }
  return (body) => {
    let value: unknown;
    try {
      value = userType.fromBuffer(body, resolver);
    } catch (error) {
      return rejected("undecodable", messageOf(error));
    }
    const user = User.safeParse(value);
    return user.success ? user.data : rejected("invalid_user", firstFault(user.error));
  };
}

/**
 * User -> Confluent wire format: magic byte 0, the schema id as four big-endian bytes, the Avro body.
 * Source: docs.confluent.io, "Wire format" of the Schema Registry serializers.
 */
export function encode(user: User, schemaId: number): Buffer {
  const body = userType.toBuffer(user);
  const bytes = Buffer.allocUnsafe(5 + body.length);
  bytes.writeUInt8(0, 0);
  bytes.writeUInt32BE(schemaId, 1);
  body.copy(bytes, 5);
  return bytes;
}

/** The schema id of a value in the Confluent wire format, or why there is none. */
export function schemaIdOf(value: Buffer | null): number | Rejected {
  if (value === null) return rejected("no_value", "the value is null");
  if (value.length > maxValueBytes)
    return rejected("too_large", `the value has ${value.length} bytes, more than ${maxValueBytes}`);
  if (value.length < 5 || value[0] !== 0)
    return rejected("no_magic_byte", "the value does not begin with magic byte 0 and a schema id");
  return value.readUInt32BE(1);
}

/** Confluent wire format -> User. `readers` holds one reader for each schema id, null for ids that the registry does not know. */
export function decode(value: Buffer | null, readers: ReadonlyMap<number, Reader | null>): User | Rejected {
  const id = schemaIdOf(value);
  if (typeof id !== "number") return id;
  const read = readers.get(id);
  return read ? read((value as Buffer).subarray(5)) : rejected("unknown_schema", `the registry knows no schema ${id}`);
}

/** Tells a user from a rejection; the two share no field. */
export const isRejected = (value: User | Rejected): value is Rejected => "reason" in value;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

import type avro from "avsc";
import { z } from "zod";
import { avroTypeOf, fieldTypeOf, readingUnions, typeOf } from "./avro-types.ts";
import { editRecordName, idField, namespace } from "./entity.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { contractAttribute, type Known, knownUserFields, newerFields } from "./newer-schema.ts";
import { fields, User } from "./user.ts";
import { anyText, name } from "./values.ts";
import { avroSchema, framed, isRejected, type ReaderOf, readerFor, userType } from "./wire.ts";

/** Rows that others wrote may have ids that no user has; they, too, can be deleted. */
const anyId = z.guid("must be a UUID").toLowerCase();

const first = {
  [idField]: anyId.meta({
    description: "The edited user.",
    example: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8",
  }),
  operation: z.enum(["upsert", "delete"]).meta({
    description: "Whether the whole row was written or deleted.",
    example: "upsert",
  }),
};
const last = {
  write_time: z.int().meta({
    description: "The write time of the row or of its deletion, in microseconds since 1970.",
    example: 1_768_456_800_000_000,
  }),
  author: anyText(100).nullable().meta({
    description: "Whose edit it is: the name of the token that the request had; null if writes are open.",
    example: "API_TOKEN",
  }),
  request_id: name(100).meta({
    description: "The request's id, as in `X-Request-Id`.",
    example: "6ab6971f-fd8c-4953-9d07-a7d485d1057a",
  }),
};

/**
 * One edit made through the API. `user` is the whole row after an upsert, and null after a deletion. A reader that applies an
 * edit writes with its `write_time`, so that applying it again changes nothing.
 */
export const UserEdit = z
  .strictObject({ ...first, user: User.nullable(), ...last })
  .refine(({ operation, user }) => (operation === "upsert") === (user !== null), {
    path: ["user"],
    error: "an upsert has a user, a deletion has none",
  })
  .refine((edit) => edit.user === null || edit.user[idField] === edit[idField], {
    path: ["user", idField],
    error: "must be the id of the edit",
  });
export type UserEdit = z.infer<typeof UserEdit>;

const [before, after] = [fieldsOf(first), fieldsOf(last)];
const around = <T>(ofField: (field: Field) => T, ofUser: T): T[] => [
  ...before.map(ofField),
  ofUser,
  ...after.map(ofField),
];

/** The Avro schema of an edit, with the rules of each field as attributes, like a user's. */
export const editSchema = {
  type: "record" as const,
  name: editRecordName,
  namespace,
  doc: "An edit of a user through the API. Made from contract/user-edits.ts; do not edit.",
  [contractAttribute]: around<string>(({ name }) => name, "user"),
  fields: around<{ name: string; type: unknown }>(
    (field) => ({
      name: field.name,
      type: field.nullable ? ["null", avroTypeOf(field)] : avroTypeOf(field),
      ...(field.nullable && { default: null }),
      doc: field.description,
      ...field.rules,
    }),
    { name: "user", type: ["null", avroSchema], ...{ default: null, doc: "The whole user; null after a deletion." } },
  ),
};

const types = around<avro.Type>(
  fieldTypeOf,
  readingUnions({ name: "user" }, typeOf(["null", userType] as unknown as avro.Schema)),
);
const editType = typeOf({
  ...editSchema,
  fields: editSchema.fields.map((field, index) => ({ ...field, type: types[index] })),
} as unknown as avro.Schema);

/**
 * An edit as it is read. `kept` are the columns that its writer did not know, because it is older: it left them as they
 * were, so they are null in `user` and must not be written.
 */
export type ReadEdit = UserEdit & { kept: readonly (keyof User)[] };

/** Like `readerOf`, for edits. */
export const editReaderOf: ReaderOf<ReadEdit> = (writerSchema, references) => {
  const read = readerFor({ what: "an edit", type: editType, schema: UserEdit }, writerSchema, references);
  const kept = unknownColumns(writerSchema);
  return (body) => {
    const edit = read(body);
    return isRejected(edit) ? edit : { ...edit, kept };
  };
};

interface WrittenRecord {
  fields?: { name?: unknown; type?: unknown }[];
}

/** The fields of a user that an edit's schema lacks. */
function unknownColumns(writerSchema: string): (keyof User)[] {
  try {
    const { fields: ofEdit = [] }: WrittenRecord = JSON.parse(writerSchema);
    const branches = [ofEdit.find(({ name }) => name === "user")?.type].flat() as (WrittenRecord | null)[];
    const written = branches.find((branch) => Array.isArray(branch?.fields))?.fields;
    const names = new Set(written?.map(({ name }) => name));
    return written ? fields.map(({ name }) => name).filter((name) => !names.has(name)) : [];
  } catch {
    return []; // nothing can be read with it
  }
}

/** Edit -> Confluent wire format. */
export const encodeEdit = (edit: UserEdit, schemaId: number): Buffer => framed(editType.toBuffer(edit), schemaId);

const known: Known = new Map(around<[string, Known | null]>(({ name }) => [name, null], ["user", knownUserFields]));

/** The fields of an edit's schema, `user.…` for those of the user, that belong only to a newer contract. */
export const newerEditFields = (writerSchema: string) => newerFields(writerSchema, known, editRecordName);

import { validUsers } from "../../contract/samples.ts";
import type { Reason } from "../../contract/topics.ts";
import type { User } from "../../contract/user.ts";
import { editSchema, encodeEdit } from "../../contract/user-edits.ts";
import { encode } from "../../contract/wire.ts";
import { foreignSchema, frame, numbers, olderSchema, plainType, record, type Specimen, widerSchema } from "./corpus.ts";

/** The ids in the registry of the edits' schemas, and of `users`, the schema of a user. */
export interface EditSchemaIds {
  current: number;
  older: number;
  wider: number;
  foreign: number;
  missing: number;
  users: number;
}

const withUser = (user: object) => ({
  ...editSchema,
  fields: editSchema.fields.map((field) => (field.name === "user" ? { ...field, type: ["null", user] } : field)),
});

/** Edits of an API that knew less of a user, of one that knew more, and of one whose users have no email. */
export const editSchemas = {
  older: withUser(olderSchema),
  wider: {
    ...withUser(widerSchema),
    fields: [...withUser(widerSchema).fields.toReversed(), { name: "reason", type: "string", default: "" }],
  },
  foreign: withUser(foreignSchema),
};

interface Given {
  id: string;
  user: User | null;
  operation?: string;
  micros?: number;
  author?: string | null;
  request_id?: string;
}

const valuesOf = ({ id, user, micros, ...given }: Given) => ({
  id,
  operation: user ? "upsert" : "delete",
  write_time: micros,
  author: null,
  request_id: "conformance",
  ...given,
  user: user && numbers(user),
});

const deletion = { operation: "delete", user: null, author: null, request_id: "conformance" } as const;
const [rachel, adrin] = validUsers as [User, User, ...User[]];

/** Edits of users of their own and of `known`, two rows of the topic of users, and records that are no edits. */
export function editSpecimens(ids: EditSchemaIds, known: readonly [User, User], now: number): Specimen[] {
  const at = (n: number) => Date.UTC(2026, 2, 1, 0, 0, n) * 1_000 + 456;
  const as = (change: Partial<User>): User => ({ ...rachel, id: crypto.randomUUID(), ...change });
  const written = (schema: object, id: number, given: Given, more: object = {}) =>
    frame(id, plainType(schema).toBuffer({ ...valuesOf({ micros: at(1), ...given }), ...more }));
  const edit = (given: Given, outcome: Specimen["outcome"] = "stored") =>
    record(given.id, written(editSchema, ids.current, given), outcome);
  const put = (user: User, micros: number) => edit({ id: user.id, user, micros });
  const remove = (id: string, micros: number) => edit({ id, user: null, micros });
  const poison = (outcome: Reason, value: Buffer | null) => record("poison", value, outcome);

  const [edited, gone, back, tied, other] = [as({}), as({}), as({}), as({}), as({})] as [User, User, User, User, User];
  const body = written(editSchema, ids.current, { id: edited.id, user: edited });
  const [changed, removed] = known;
  return [
    put(edited, at(1)),
    put({ ...edited, email: "newest@example.com", phone: null }, at(3)),
    put({ ...edited, email: "late@example.com" }, at(2)),
    put(gone, at(1)),
    remove(gone.id, at(2)),
    put({ ...gone, email: "late@example.com" }, at(1)),
    put(back, at(1)),
    remove(back.id, at(2)),
    put({ ...back, email: "again@example.com" }, at(3)),
    put({ ...tied, email: "b@example.com" }, at(1)),
    put({ ...tied, email: "a@example.com" }, at(1)),
    put({ ...adrin, id: crypto.randomUUID() }, at(1)),
    put({ ...rachel, id: "0B6E8B2E-6C1F-4D0A-8F36-1A2B3C4D5E71" }, at(1)),
    remove("00000000-0000-0000-0000-0000000000AB", at(1)), // an id that no user has
    edit({ id: other.id, user: other, author: "API_TOKEN", request_id: "x".repeat(100) }),
    // Of rows that are also in the topic of users, whose writes are older; the first keeps what its writer did not know.
    record("older", written(editSchemas.older, ids.older, { id: changed.id, user: changed }), "stored"),
    record("older", written(editSchemas.older, ids.older, { id: removed.id, user: null }), "stored"),
    record(
      "wider",
      frame(
        ids.wider,
        plainType(editSchemas.wider).toBuffer({
          ...valuesOf({ id: crypto.randomUUID(), user: null, micros: at(1) }),
          reason: "a reason",
        }),
      ),
      "stored",
    ),
    record("foreign", written(editSchemas.foreign, ids.foreign, { id: other.id, user: null, micros: at(0) }), "stored"),
    poison("undecodable", written(editSchemas.foreign, ids.foreign, { id: other.id, user: other })),
    poison("undecodable", encode(rachel, ids.users)),

    poison("no_value", null),
    poison("no_magic_byte", Buffer.from(JSON.stringify(rachel))),
    poison("too_large", Buffer.concat([body, Buffer.alloc(64 * 1024)])),
    poison("unknown_schema", frame(ids.missing, body.subarray(5))),
    poison("undecodable", body.subarray(0, -3)),
    poison("undecodable", Buffer.concat([body, Buffer.from([0])])),
    edit({ id: edited.id, user: edited, operation: "delete" }, "invalid_user"),
    edit({ id: edited.id, user: null, operation: "upsert" }, "invalid_user"),
    edit({ id: edited.id, user: edited, operation: "insert" }, "invalid_user"),
    edit({ id: edited.id, user: other }, "invalid_user"),
    edit({ id: edited.id, user: { ...edited, email: "nobody" } }, "invalid_user"),
    edit({ id: "42", user: null }, "invalid_user"),
    edit({ id: edited.id, user: null, request_id: "" }, "invalid_user"),
    edit({ id: edited.id, user: null, author: "x".repeat(101) }, "invalid_user"),
    edit({ id: edited.id, user: edited, micros: now * 1_000 + 3_600_000_000 }, "timestamp_ahead"),
    record(edited.id, encodeEdit({ ...deletion, id: edited.id, write_time: at(2) }, ids.current), "stored"),
  ];
}

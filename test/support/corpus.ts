import avro from "avsc";
import type { IHeaders } from "kafkajs";
import { validUsers } from "../../contract/samples.ts";
import type { Reason } from "../../contract/topics.ts";
import type { User } from "../../contract/user.ts";
import { avroSchema, encode, maxValueBytes } from "../../contract/wire.ts";
import { nullHeader } from "../../runtime/kafka/null-headers.ts";
import { randomuser } from "../../sources/randomuser.ts";
import { randomuserPeople } from "../../sources/samples.ts";

/** A record and its expected outcome in every engine. */
export interface Specimen {
  key: Buffer | null;
  value: Buffer | null;
  headers?: IHeaders;
  outcome: "stored" | "ignored" | Reason;
}

/** The ids in the registry of the specimens' schemas. */
export interface SchemaIds {
  current: number;
  /** Of `olderSchema`, `widerSchema` and `foreignSchema`. */
  older: number;
  wider: number;
  foreign: number;
  /** Of `nullableSchema`, `unboundedSchema` and `recursiveSchema`. */
  nullable: number;
  unbounded: number;
  recursive: number;
  /** An id that is not in the registry. */
  missing: number;
}

/** Bytes that are not text, a repeated name, no bytes, no value, and names of a dead letter's own headers. */
const strangeHeaders: IHeaders = {
  traceparent: Buffer.from([0, 0xff, 0xfe]),
  twice: [Buffer.from("b"), Buffer.from("a")],
  empty: Buffer.alloc(0),
  none: nullHeader,
  "": "no name",
  ["__proto__"]: "a name like any other",
  reason: "theirs",
  "source.offset": ["-1", nullHeader],
  "__connect.errors.topic": "elsewhere",
};

type AvroField = { name: string; type: unknown; default?: unknown };
const withFields = (change: (fields: AvroField[]) => AvroField[]) => ({
  ...avroSchema,
  fields: change(structuredClone(avroSchema.fields) as AvroField[]),
});

/** A version without three columns that were added later. */
export const olderSchema = withFields((fields) =>
  fields.filter(({ name }) => !["picture", "post_code", "dob"].includes(name)),
);

/** A version newer than the contract: more fields, in another order. */
export const widerSchema = withFields((fields) => [
  ...fields.toReversed(),
  { name: "city", type: "string", default: "" },
  { name: "tags", type: { type: "array", items: "string" }, default: [] },
]);

/** A schema that cannot become a user: it has no email. */
export const foreignSchema = withFields((fields) => fields.filter(({ name }) => name !== "email"));

/** A schema in which every field may be null, and email a number. */
export const nullableSchema = withFields((fields) =>
  fields.map(({ name, type }) => {
    const branches = Array.isArray(type) ? type : ["null", type];
    return { name, type: name === "email" ? [...branches, "int"] : branches };
  }),
);

/** A version in which a few bytes can encode any number of nulls. */
export const unboundedSchema = withFields((fields) => [
  ...fields,
  { name: "a", type: { type: "array", items: "null" }, default: [] },
]);

/** A version in which few bytes can encode any nesting depth. */
export const recursiveSchema = withFields((fields) => [
  ...fields,
  {
    name: "node",
    type: ["null", { type: "record", name: "Node", fields: [{ name: "next", type: ["null", "Node"] }] }],
    default: null,
  },
]);

const [rachel, adrin] = validUsers as [User, User, ...User[]];
/** A user whose picture is so large that change events omit it unless it changes. */
const large: User = {
  ...rachel,
  id: "7d1f0c52-9a64-4f0b-8a8e-2f6f0e3b1c4d",
  picture: `https://example.com/${"x".repeat(1_900)}`,
};
const second = (n: number) => new Date(Date.UTC(2026, 0, 15, 6, 0, n)).toISOString();

/** Users of every nationality, then one record of every kind that has caused trouble. Long because it is a list. */
export function userSpecimens(ids: SchemaIds, now: number): Specimen[] {
  const good = (user: User): Specimen => record(user.id, encode(user, ids.current), "stored");
  const as = (change: Partial<User>): User => ({ ...rachel, id: crypto.randomUUID(), ...change });
  const body = (user: User) => encode(user, ids.current).subarray(5);
  const raw = (change: Record<string, unknown>) =>
    frame(ids.current, plain.toBuffer({ ...numbers(as({})), ...change }));
  const invalid = (change: Record<string, unknown>) => record("invalid", raw(change), "invalid_user");
  const poison = (outcome: Reason, value: Buffer | null, key: string | null = "poison") => record(key, value, outcome);
  const written = (schema: object, id: number, user: User, more: object = {}) =>
    frame(id, plainType(schema).toBuffer({ ...numbers(user), ...more }));
  const owl = "🦉";

  const edited = as({ email: "first@example.com" });
  const tied = as({ email: "a@example.com" });
  return [
    ...randomuserPeople.map((person, index) =>
      good(as({ ...randomuser.toUser(randomuser.record.parse(person)), timestamp: second(index % 60) })),
    ),
    ...validUsers.map(good),
    good(large),

    // Maximum lengths, and characters of two code units or that look like line ends.
    good(as({ first_name: owl.repeat(200), last_name: "\u2028x", username: " a\nb" })),
    good(as({ email: `${owl.repeat(32)}@${owl.repeat(127)}x`, phone: "" })),
    record("CASE", encode({ ...adrin, id: "0B6E8B2E-6C1F-4D0A-8F36-1A2B3C4D5E70" }, ids.current), "stored"),
    record(null, encode(as({}), ids.current), "stored"),

    // A repeated record; a newer and then a late one; two with the same time, of which the later wins.
    good(adrin),
    good(edited),
    good({ ...edited, email: "newest@example.com", phone: null, timestamp: second(50) }),
    good({ ...edited, email: "late@example.com", gender: "late", timestamp: second(40) }),
    good(tied),
    good({ ...tied, email: "b@example.com" }),

    // Written with other versions of the schema.
    record("older", written(olderSchema, ids.older, as({})), "stored"),
    record(
      "wider",
      written(widerSchema, ids.wider, as({ gender: null }), { city: "Cork", tags: ["a", "b"] }),
      "stored",
    ),
    poison("undecodable", written(foreignSchema, ids.foreign, as({}))),
    record("nullable", written(nullableSchema, ids.nullable, as({})), "stored"),
    poison("undecodable", written(nullableSchema, ids.nullable, as({}), { email: null })),
    poison("undecodable", written(nullableSchema, ids.nullable, as({}), { email: 7 })),
    // 9·10¹⁵ nulls, and sixty thousand nested records.
    poison(
      "undecodable",
      frame(ids.unbounded, Buffer.concat([body(rachel), Buffer.from("808090eecfc4fc1f00", "hex")])),
    ),
    poison(
      "undecodable",
      frame(ids.recursive, Buffer.concat([body(rachel), Buffer.alloc(60_000, 2), Buffer.alloc(1)])),
    ),

    { ...poison("no_value", null), headers: strangeHeaders },
    poison("no_value", null, null),
    poison("too_large", Buffer.concat([encode(rachel, ids.current), Buffer.alloc(maxValueBytes)])),
    poison("no_magic_byte", Buffer.alloc(0)),
    poison("no_magic_byte", Buffer.from([0, 0, 0])),
    poison("no_magic_byte", Buffer.from(JSON.stringify(rachel))),
    poison("unknown_schema", frame(ids.missing, body(rachel))),
    poison("undecodable", frame(ids.current, Buffer.alloc(0))),
    poison("undecodable", frame(ids.current, body(rachel).subarray(0, -3))),
    poison("undecodable", frame(ids.current, Buffer.concat([body(rachel), Buffer.from([0])]))),
    poison("undecodable", frame(ids.current, Buffer.concat([body(rachel), body(adrin)]))),
    // A string that claims to be 2 GB long, and a time outside the range of dates.
    poison("undecodable", frame(ids.current, Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f]))),
    poison("undecodable", raw({ dob: 8.64e15 + 1 })),
    invalid({ id: "42" }),
    invalid({ id: "c7a41086-06e3-0bfe-9c40-4e9da2df42c8" }),
    invalid({ id: "00000000-0000-0000-0000-000000000000" }),
    invalid({ id: "ffffffff-ffff-ffff-ffff-ffffffffffff" }),
    invalid({ id: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8\n" }),
    invalid({ first_name: "" }),
    invalid({ first_name: owl.repeat(201) }),
    invalid({ first_name: " " }),
    // Every kind of white space in Unicode, including line ends and the byte order mark.
    invalid({ last_name: "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff" }),
    invalid({ username: "\n" }),
    invalid({ last_name: "Nul\u0000" }),
    invalid({ email: "rachel.kelley" }),
    invalid({ email: "rachel@example.com\n" }),
    invalid({ email: `${owl.repeat(33)}@example.com` }),
    invalid({ phone: "0".repeat(51) }),
    invalid({ picture: "" }),
    invalid({ picture: "javascript:alert(1)" }),
    invalid({ picture: " https://example.com/63.jpg" }),
    invalid({ picture: "https://example.com/63.jpg\n" }),
    invalid({ picture: "data:image/png;base64,AA==" }),
    invalid({ picture: "//example.com/63.jpg" }),
    invalid({ dob: Date.UTC(10_000, 0) }),
    invalid({ timestamp: Date.parse("0000-01-01T00:00:00Z") - 1 }),
    poison("timestamp_ahead", encode(as({ timestamp: new Date(now + 3_600_000).toISOString() }), ids.current)),
  ];
}

/** Change events of rows without user records, and of two with: Debezium's envelope as JSON without schemas. */
export function changeSpecimens(): Specimen[] {
  let lsn = 1_000;
  const commit = (n: number) => Date.UTC(2026, 1, 1, 0, 0, n) * 1_000 + 123;
  const event = (op: string, row: { before?: object | null; after?: object | null }, at: number, order = 1) => ({
    ...{ before: null, after: null, ...row, op },
    source: { ts_us: at, lsn: ++lsn },
    transaction: { total_order: order },
  });
  const row = (change: Partial<User> = {}): User => ({ ...rachel, id: crypto.randomUUID(), ...change });
  const about = (id: string, value: object | null, outcome: Specimen["outcome"] = "stored"): Specimen =>
    record(JSON.stringify({ id }), value && Buffer.from(JSON.stringify(value)), outcome);

  const kept = row({ first_name: "Kept" });
  const twice = row({ first_name: "Twice" });
  const gone = row({ first_name: "Gone" });
  const back = row({ first_name: "Back" });
  const moved = row({ first_name: "Moved" });
  const movedTo = { ...moved, id: crypto.randomUUID() };
  const snapshot = row({ timestamp: second(10) });
  return [
    about(kept.id, event("c", { after: kept }, commit(1))),
    about(twice.id, event("c", { after: twice }, commit(2), 1)),
    // Two updates in one transaction have one commit time; the second counts.
    about(twice.id, event("u", { before: twice, after: { ...twice, gender: "zz" } }, commit(2), 2)),
    about(twice.id, event("u", { before: twice, after: { ...twice, gender: "aa", phone: null } }, commit(2), 3)),
    about(gone.id, event("c", { after: gone }, commit(3))),
    about(gone.id, event("d", { before: gone }, commit(4))),
    about(gone.id, null, "ignored"),
    about(back.id, event("c", { after: back }, commit(5), 1)),
    about(back.id, event("d", { before: back }, commit(5), 2)),
    about(back.id, event("c", { after: { ...back, username: "again" } }, commit(5), 3)),
    // A changed primary key is a delete and an insert.
    about(moved.id, event("c", { after: moved }, commit(6))),
    about(moved.id, event("d", { before: moved }, commit(7), 1)),
    about(movedTo.id, event("c", { after: movedTo }, commit(7), 2)),
    // An unchanged large value is omitted: it is kept, or taken from the row before.
    about(
      large.id,
      event("u", { after: { ...large, picture: "__debezium_unavailable_value", gender: "kept" } }, commit(9)),
    ),
    about(
      kept.id,
      event("u", { before: kept, after: { ...kept, address: "__debezium_unavailable_value" } }, commit(10)),
    ),
    about(snapshot.id, event("r", { after: { ...snapshot, city: "an ignored column", region: null } }, commit(11))),
    // Of users that are also in the other topic: one newer, one older.
    about(adrin.id, event("d", { before: adrin }, commit(12))),
    about(rachel.id, event("u", { after: { ...rachel, first_name: "Older" } }, Date.UTC(2020, 0) * 1_000)),

    about(kept.id, { op: "c", after: kept }, "undecodable"),
    { ...record("broken", Buffer.from("{"), "undecodable"), headers: strangeHeaders },
    about(kept.id, event("u", { after: { ...kept, email: "nobody" } }, commit(13)), "invalid_user"),
    about(kept.id, event("u", { after: { ...kept, username: 42 } }, commit(14)), "invalid_user"),
    about(kept.id, event("d", { before: { id: "42" } }, commit(15)), "invalid_user"),
    about(kept.id, event("t", {}, commit(16)), "unsupported_change"),
    about(kept.id, event("c", { after: kept }, Date.UTC(2100, 0) * 1_000), "timestamp_ahead"),
  ];
}

export const record = (key: string | null, value: Buffer | null, outcome: Specimen["outcome"]): Specimen => ({
  key: key === null ? null : Buffer.from(key),
  value,
  outcome,
});

export function frame(schemaId: number, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(schemaId, 1);
  return Buffer.concat([header, body]);
}

/** Avro without logical types, which can also write values that violate the contract. */
export function plainType(schema: object): avro.Type {
  const text = JSON.stringify(schema, (name, value) => (name === "logicalType" ? undefined : value));
  return avro.Type.forSchema(JSON.parse(text), { wrapUnions: false });
}

const plain = plainType(avroSchema);

export const numbers = (user: User) => {
  const millis = (time: string | null) => (time === null ? null : Date.parse(time));
  return {
    ...user,
    dob: millis(user.dob),
    registered_date: millis(user.registered_date),
    timestamp: millis(user.timestamp),
  };
};

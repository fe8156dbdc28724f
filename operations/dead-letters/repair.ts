import { idField, timeField, valueSubject } from "../../contract/entity.ts";
import type { Field } from "../../contract/fields.ts";
import { firstFault } from "../../contract/first-fault.ts";
import { withNulls } from "../../contract/given-user.ts";
import { newerFields } from "../../contract/newer-schema.ts";
import { fields, User } from "../../contract/user.ts";
import { editSchema, encodeEdit, newerEditFields, UserEdit } from "../../contract/user-edits.ts";
import { avroSchema, encode, schemaIdOf, writtenReaderOf } from "../../contract/wire.ts";
import type { Config } from "../../runtime/config.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Registry } from "../../runtime/registry.ts";
import { columnValue } from "../../stream/user-changes/column-values.ts";
import type { Letter } from "./letter.ts";

/** New values of fields, in the contract's format. */
export type Values = Readonly<Record<string, unknown>>;

/** A letter cannot be repaired in this way; the message says why. */
export class Irreparable extends Error {
  override name = "Irreparable";
}

/**
 * Fields and their new values as given on a command line, `email=rachel@example.com`; nothing after the equals sign is
 * null where that is allowed. @throws Error that names what is wrong
 */
export function valuesOf(given: readonly string[]): Values {
  return Object.fromEntries(
    given.map((text) => {
      const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      const field = fields.find((each) => each.name === name);
      if (!field)
        throw new Error(`--set ${text}: must be FIELD=VALUE with one of ${fields.map((each) => each.name).join(", ")}`);
      if (name === idField) throw new Error(`--set ${idField}: with another ${idField} it would be another record`);
      return [name, fieldValue(field, value)];
    }),
  );
}

/** A field's value as text gives it. What is not of the field's kind is left as text, which the contract rejects. */
export function fieldValue({ kind, nullable }: Field, text: string): unknown {
  if (nullable && text === "") return null;
  switch (kind) {
    case "int":
    case "long":
    case "double":
      return text.trim() === "" ? text : Number(text);
    case "boolean":
      return { true: true, false: false }[text] ?? text;
    case "list":
      return text.startsWith("[") ? listOr(text) : text.split(",");
    default:
      return text;
  }
}

function listOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

interface Dependencies {
  kafka: Pick<Config["kafka"], "topic" | "editTopic" | "changeTopic">;
  registry: Registry;
}

/** Returns a letter's value with new values of fields, valid for the contract. */
export type Repair = (letter: Letter, values: Values) => Promise<Buffer>;

/** @throws Irreparable from `Repair` */
export function openRepair({ kafka, registry }: Dependencies): Repair {
  const ids = new Map<string, Promise<number>>();
  const schemaId = (topic: string, schema: object) => {
    const known = ids.get(topic) ?? registry.register(valueSubject(topic), schema);
    ids.set(topic, known);
    return known;
  };
  const written = openWritten(registry);
  return async (letter, values) => {
    expectNotNewer(letter, values);
    const { value } = letter.message;
    switch (letter.origin?.topic) {
      case kafka.topic:
        return encode(userOf(await written(value, newerFields), values), await schemaId(kafka.topic, avroSchema));
      case kafka.editTopic:
        return encodeEdit(
          editOf(await written(value, newerEditFields), values),
          await schemaId(kafka.editTopic, editSchema),
        );
      case kafka.changeTopic:
        return changeOf(value, values);
      default:
        throw new Irreparable("its topic is none of this pipeline's");
    }
  };
}

/**
 * Reads the contract's fields in a letter's value, as they are there: what is missing or invalid is left so.
 * @throws Irreparable from what it returns, if there are no fields to set
 */
export function openFields({ kafka, registry }: Dependencies): (letter: Letter) => Promise<Values> {
  const written = openWritten(registry);
  return async ({ origin, message: { value } }) => {
    switch (origin?.topic) {
      case kafka.topic:
        return own(await written(value, newerFields));
      case kafka.editTopic:
        return own(editedUser(await written(value, newerEditFields)));
      case kafka.changeTopic: {
        const after = rowAfter(eventIn(value));
        return Object.fromEntries(
          fields.flatMap(({ name, kind }) => (name in after ? [[name, columnValue(kind, after[name])]] : [])),
        );
      }
      default:
        throw new Irreparable("its topic is none of this pipeline's");
    }
  };
}

const own = (record: Fields): Fields =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name in User.shape));

/** A repaired record must not win over a row that was written after the record. */
function expectNotNewer({ producedMs }: Letter, values: Values) {
  const time = Date.parse(String(values[timeField]));
  if (timeField in values && !(producedMs !== null && time <= producedMs))
    throw new Irreparable(
      `${timeField} must not be later than the record was produced: ${producedMs === null ? "unknown" : new Date(producedMs).toISOString()}`,
    );
}

type Fields = Record<string, unknown>;
type NewerFields = (writerSchema: string) => readonly string[];

/** Reads the fields of Avro values by name, as written; asks for each schema once. */
function openWritten(registry: Pick<Registry, "schemaOf">) {
  const readers = new Map<number, Promise<(body: Buffer) => unknown>>();

  async function readerFor(id: number, newerIn: NewerFields) {
    const registered = await registry.schemaOf(id);
    if (registered === null)
      throw new Irreparable(`there are no fields to set: the registry has no schema with id ${id}`);
    const { schema, references } = registered;
    const newer = newerIn(schema);
    if (newer.length > 0)
      throw new Irreparable(
        `its schema is of a newer contract, whose ${newer.join(", ")} would be lost: update this program`,
      );
    return orIrreparable(() => writtenReaderOf(schema, references));
  }

  return async (value: Buffer | null, newerIn: NewerFields): Promise<Fields> => {
    const id = schemaIdOf(value);
    if (typeof id !== "number") throw new Irreparable(`there are no fields to set: ${id.detail}`);
    const reader = readers.get(id) ?? readerFor(id, newerIn);
    readers.set(id, reader);
    const read = await reader;
    const record = orIrreparable(() => read((value as Buffer).subarray(5)));
    if (typeof record !== "object" || record === null)
      throw new Irreparable("there are no fields to set: the value is not a record");
    return { ...record };
  };
}

function orIrreparable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Irreparable(`there are no fields to set: ${messageOf(error).slice(0, 300)}`);
  }
}

function userOf(record: Fields, values: Values): User {
  const user = User.safeParse(withNulls({ ...own(record), ...values }));
  if (!user.success) throw new Irreparable(firstFault(user.error));
  return user.data;
}

function editOf(record: Fields, values: Values): UserEdit {
  const user = editedUser(record);
  // Applied as it is, the edit leaves them as they are in the row; with the contract's schema it would empty them.
  const unknown = fields.filter(({ name }) => !(name in user)).map(({ name }) => name);
  if (unknown.length > 0) throw new Irreparable(`it is of an older version, which does not know ${unknown.join(", ")}`);
  const ofEdit = Object.fromEntries(Object.entries(record).filter(([name]) => name in UserEdit.shape));
  const edit = UserEdit.safeParse({ ...ofEdit, user: userOf(user, values) });
  if (!edit.success) throw new Irreparable(firstFault(edit.error));
  return edit.data;
}

function editedUser({ user }: Fields): Fields {
  if (typeof user !== "object" || user === null) throw new Irreparable("a deletion has no fields to set");
  return { ...user };
}

/** What TypeScript does not know yet of JSON: a number's own digits. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };
type Reviver = (name: string, value: unknown, context: { source: string }) => unknown;
const exactly: Reviver = (_, value, { source }) =>
  typeof value === "number" && !Number.isSafeInteger(value) ? rawJSON(source) : value;

/** Debezium's dates are days since 1970; what is no date is left for the contract to reject. */
function epochDays(date: unknown): unknown {
  const days = Date.parse(String(date)) / 86_400_000;
  return Number.isInteger(days) ? days : date;
}

/** A change event with new values in the row after the change, as Debezium writes them. */
function changeOf(value: Buffer | null, values: Values): Buffer {
  const event = eventIn(value);
  const row = rowAfter(event);
  for (const { name, kind } of fields)
    if (name in values) row[name] = kind === "date" && values[name] !== null ? epochDays(values[name]) : values[name];
  return Buffer.from(JSON.stringify({ ...(event as object), after: row }));
}

function rowAfter(event: ReturnType<typeof eventIn>): Fields {
  const after = typeof event === "object" ? event?.after : undefined;
  if (typeof after !== "object" || after === null)
    throw new Irreparable("there are no fields to set: it is no change event with a row");
  return { ...after };
}

/** Its numbers keep their digits: nanoseconds are beyond a double. */
function eventIn(value: Buffer | null): { after?: unknown } | null | undefined {
  try {
    return JSON.parse(value?.toString() ?? "", exactly as (name: string, value: unknown) => unknown);
  } catch {
    return undefined;
  }
}

import { expect, test } from "bun:test";
import { changeable, validUsers } from "../../contract/samples.ts";
import type { User } from "../../contract/user.ts";
import { editSchema, encodeEdit, type UserEdit } from "../../contract/user-edits.ts";
import { avroSchema, decode, encode, readerOf } from "../../contract/wire.ts";
import { readChangeEvent } from "../../stream/user-changes/change-events.ts";
import { row } from "../../test/support/change-events.ts";
import { readLetter } from "./letter.ts";
import { openRepair, valuesOf } from "./repair.ts";

const [rachel] = validUsers as [User, ...User[]];
const { text, optional, time } = changeable;
const without = (name: string) => ({ ...avroSchema, fields: avroSchema.fields.filter((field) => field.name !== name) });
const newer = { ...avroSchema, contract: [...avroSchema.contract, "height"] };
const schemas: Record<number, object> = {
  1: avroSchema,
  2: editSchema,
  3: without(optional),
  4: { ...newer, fields: [...newer.fields, { name: "height", type: ["null", "int"], default: null }] },
  5: { type: "string" },
};
const registry = {
  schemaOf: async (id: number) => (schemas[id] ? { schema: JSON.stringify(schemas[id]), references: [] } : null),
  register: async (_: string, schema: object) => (schema === avroSchema ? 1 : 2),
};
const kafka = { topic: "users_created", editTopic: "users_edited", changeTopic: "changes" };
const repair = openRepair({ kafka, registry });
const letterOf = (value: Buffer | string | null, topic = kafka.topic) =>
  readLetter(
    {
      key: null,
      value: typeof value === "string" ? Buffer.from(value) : value,
      offset: "0",
      timestamp: "0",
      headers: {
        "__connect.errors.topic": Buffer.from(topic),
        "__connect.errors.partition": Buffer.from("0"),
        "__connect.errors.offset": Buffer.from("0"),
        "source.timestamp": Buffer.from(String(Date.parse("2026-01-15T07:00:00Z"))),
      },
    },
    0,
  );
const readers = new Map([[1, readerOf(JSON.stringify(avroSchema))]]);
const broken = { ...rachel, [text]: "" };

test("given values are the contract's: null where that is allowed, or the text that the contract then rejects", () => {
  expect(valuesOf([`${text}=Kelley = 1`, `${optional}=`, `${time}=1978-04-22T07:00:07.471Z`])).toEqual({
    [text]: "Kelley = 1",
    [optional]: null,
    [time]: "1978-04-22T07:00:07.471Z",
  });
  expect(() => valuesOf([`nobody=1`])).toThrow("--set nobody=1: must be FIELD=VALUE with one of id, ");
  expect(() => valuesOf([text])).toThrow("must be FIELD=VALUE");
  expect(() => valuesOf(["id=1"])).toThrow("it would be another record");
});

test("a repaired user is valid and keeps its write time", async () => {
  const value = await repair(letterOf(encode(broken, 1)), { [text]: "Kelley" });
  expect(decode(value, readers)).toEqual({ ...rachel, [text]: "Kelley" });
  await expect(repair(letterOf(encode(broken, 1)), { [optional]: null })).rejects.toThrow(`${text}: `);
  await expect(repair(letterOf(encode(broken, 1)), { [text]: "" })).rejects.toThrow(`${text}: `);
});

test("a repaired user never wins over a row that was written after the record", async () => {
  const ahead = letterOf(encode({ ...rachel, timestamp: "2099-01-01T00:00:00.000Z" }, 1));
  await expect(repair(ahead, { timestamp: "2026-01-15T07:00:00.001Z" })).rejects.toThrow(
    "timestamp must not be later than the record was produced: 2026-01-15T07:00:00.000Z",
  );
  const repaired = await repair(ahead, { timestamp: "2026-01-15T07:00:00.000Z" });
  expect(decode(repaired, readers)).toMatchObject({ timestamp: "2026-01-15T07:00:00.000Z" });
});

test("what has no fields, or would lose some, is refused with why", async () => {
  const refusal = (value: Buffer | string | null, topic?: string) =>
    repair(letterOf(value, topic), { [text]: "Kelley" }).then(
      () => "repaired",
      (error: Error) => `${error.name}: ${error.message}`,
    );
  expect(await refusal(null)).toBe("Irreparable: there are no fields to set: the value is null");
  expect(await refusal("no magic")).toContain("does not begin with magic byte 0");
  expect(await refusal(encode(broken, 9))).toContain("the registry has no schema with id 9");
  expect(await refusal(encode(broken, 1).subarray(0, -3))).toContain("Irreparable: there are no fields to set: ");
  expect(await refusal(encode(broken, 4))).toContain("of a newer contract, whose height would be lost");
  expect(await refusal(Buffer.from([0, 0, 0, 0, 5, 2, 0x41]))).toContain("the value is not a record");
  expect(await refusal(encode(broken, 1), "elsewhere")).toContain("its topic is none of this pipeline's");
  expect(await refusal('{"op": "d", "after": null}', kafka.changeTopic)).toContain("it is no change event with a row");
  expect(await refusal("null", kafka.changeTopic)).toContain("it is no change event with a row");
});

test("an edit is repaired in its user; a deletion has none", async () => {
  const edit: UserEdit = {
    id: rachel.id,
    operation: "upsert",
    user: rachel,
    write_time: 1_768_456_800_000_001,
    author: null,
    request_id: "1",
  };
  const value = await repair(letterOf(encodeEdit({ ...edit, user: broken }, 2), kafka.editTopic), { [text]: "Kelley" });
  expect(value).toEqual(encodeEdit({ ...edit, user: { ...rachel, [text]: "Kelley" } }, 2));
  const deletion = encodeEdit({ ...edit, operation: "delete", user: null }, 2);
  await expect(repair(letterOf(deletion, kafka.editTopic), { [text]: "Kelley" })).rejects.toThrow("a deletion");
});

test("a change event is repaired in its row; everything else in it stays, to the last digit", async () => {
  const source = '"source":{"ts_us":1768456800000000,"ts_ns":1768456800123456789,"lsn":42}';
  const event = `{"op":"u","before":null,"after":${JSON.stringify(row(broken))},${source}}`;
  const value = await repair(letterOf(event, kafka.changeTopic), { [text]: "Kelley" });
  expect(String(value)).toBe(event.replace(`"${text}":""`, `"${text}":"Kelley"`));
  expect(readChangeEvent({ key: null, value })).toMatchObject({
    kind: "changed",
    change: { kind: "upsert", user: { ...rachel, [text]: "Kelley" } },
  });
});

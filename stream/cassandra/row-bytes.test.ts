import { expect, test } from "bun:test";
import { types } from "cassandra-driver";
// @ts-expect-error: the driver declares no types for its inner files
import Encoder from "cassandra-driver/lib/encoder";
// @ts-expect-error: as above
import { ExecutionOptions } from "cassandra-driver/lib/execution-options";
// @ts-expect-error: as above
import { BatchRequest } from "cassandra-driver/lib/requests";
import fc from "fast-check";
import { idField } from "../../contract/entity.ts";
import type { FieldKind, FieldValue } from "../../contract/fields.ts";
import { validUsers } from "../../contract/samples.ts";
import { rowOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import { patchBatches } from "../../runtime/cassandra/encoded-rows.ts";
import type { Change } from "../change.ts";
import { encodeDeletes, encodeUpserts, encodeValue, typeCodes } from "./row-bytes.ts";

type Upsert = Extract<Change, { kind: "upsert" }>;

patchBatches();

const encoder = new Encoder(4, { encoding: {} });
const text = fc.string({ unit: "binary", maxLength: 40 });
const time = fc
  .date({ min: new Date("0000-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true })
  .map((value) => value.toISOString());
const values: Record<FieldKind, fc.Arbitrary<FieldValue>> = {
  uuid: fc.uuid(),
  text: fc.oneof(text, fc.constant("€".repeat(70_000))),
  int: fc.integer(),
  long: fc.maxSafeInteger(),
  double: fc.double(),
  boolean: fc.boolean(),
  timestamp: time,
  date: time.map((iso) => iso.slice(0, 10)),
  list: fc.array(text, { minLength: 1, maxLength: 5 }),
};
const info: Partial<Record<FieldKind, object>> = { list: { code: types.dataTypes.varchar } };

for (const [kind, value] of Object.entries(values) as [FieldKind, fc.Arbitrary<FieldValue>][])
  test(`a value of kind ${kind} has the bytes that the driver gives it`, () => {
    fc.assert(
      fc.property(value, (given) => {
        const driver = encoder.encode(kind === "timestamp" ? new Date(given as string) : given, {
          code: typeCodes[kind],
          info: info[kind],
        });
        expect(encodeValue(kind, given).subarray(4).toString("hex")).toBe(driver.toString("hex"));
        expect(encodeValue(kind, given).readInt32BE(0)).toBe(driver.length);
      }),
    );
  });

const statement = (id: number, columns: readonly number[]) => ({
  queryId: Buffer.alloc(16, id),
  meta: { columns: columns.map((code) => ({ type: { code } })) },
});
const upsertColumns = [...fields.map(({ kind }) => typeCodes[kind]), typeCodes.long];
const upsert = statement(1, upsertColumns);
const remove = statement(2, [typeCodes.long, typeCodes.uuid]);

/** The bytes of a batch with these statements. */
function frameOf(queries: readonly object[], timestamp: types.Long | null): string {
  const options = Object.assign(ExecutionOptions.empty(), {
    isBatchCounter: () => false,
    isBatchLogged: () => false,
    isQueryTracing: () => false,
    getConsistency: () => types.consistencies.localQuorum,
    getOrGenerateTimestamp: () => timestamp,
  });
  const request = new BatchRequest(queries, options);
  const frame: Buffer = request.write(encoder, 7);
  expect(request.length).toBe(frame.length - 9);
  expect(request.clone().write(encoder, 7)).toEqual(frame); // as for a retry
  return frame.toString("hex");
}

test("a batch of encoded rows has the bytes that the driver gives it row by row", () => {
  const kept = fc.subarray(fields.map(({ name }) => name).filter((name) => name !== idField));
  const user = fc.tuple(fc.constantFrom(...validUsers), fc.uuid()).map(([user, id]) => ({ ...user, [idField]: id }));
  const micros = fc.oneof(
    fc.maxSafeInteger(),
    fc.double({ min: -(2 ** 63), max: 2 ** 63, noNaN: true, maxExcluded: true }).map(Math.trunc),
  );
  const upserts = fc
    .tuple(user, fc.option(kept, { nil: undefined }), micros)
    .map(([user, kept, writeTimeMicros]): Upsert => ({ kind: "upsert", user, kept, writeTimeMicros }));
  const deletes = fc
    .tuple(fc.uuid(), micros)
    .map(([id, writeTimeMicros]) => ({ kind: "delete" as const, id, writeTimeMicros }));
  const timestamp = fc.constantFrom(null, types.Long.fromNumber(1_700_000_000_000_123));

  fc.assert(
    fc.property(
      fc.array(upserts, { maxLength: 32 }),
      fc.array(deletes, { maxLength: 5 }),
      timestamp,
      (rows, removed, at) => {
        fc.pre(rows.length + removed.length > 0);
        const rowByRow = [
          ...rows.map((change) => ({ ...upsert, params: [...paramsOf(change), change.writeTimeMicros] })),
          ...removed.map(({ id, writeTimeMicros }) => ({ ...remove, params: [writeTimeMicros, id] })),
        ];
        const together = [
          ...(rows.length > 0 ? [{ ...upsert, params: [encodeUpserts(rows)] }] : []),
          ...(removed.length > 0 ? [{ ...remove, params: [encodeDeletes(removed)] }] : []),
        ];
        expect(frameOf(together, at)).toBe(frameOf(rowByRow, at));
      },
    ),
  );
});

const paramsOf = ({ user, kept }: Upsert) =>
  rowOf(user as User).map((value, index) => (kept?.includes(fields[index]!.name) ? types.unset : value));

test("rows are not sent to a table whose columns have other types, but a column of ASCII text is text", () => {
  const rows = encodeUpserts([{ kind: "upsert", user: validUsers[0] as User, writeTimeMicros: 1 }]);
  const ascii = statement(1, upsertColumns.with(1, types.dataTypes.ascii));
  expect(frameOf([{ ...ascii, params: [rows] }], null)).toBe(frameOf([{ ...upsert, params: [rows] }], null));
  const other = statement(1, upsertColumns.with(1, types.dataTypes.int));
  const fewer = statement(1, upsertColumns.slice(1));
  for (const table of [other, fewer])
    expect(() => frameOf([{ ...table, params: [rows] }], null)).toThrow("the table's columns have other types");
});

test("a time that is none is refused, as by the driver", () => {
  expect(() => encodeValue("timestamp", "no time")).toThrow(TypeError);
});

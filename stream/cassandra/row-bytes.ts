/** Rows as the bytes that Cassandra's native protocol has for them, which are those that the driver makes of `rowOf`. */
import { types } from "cassandra-driver";
import type { FieldKind, FieldValue } from "../../contract/fields.ts";
import { fields } from "../../contract/user.ts";
import { EncodedRows } from "../../runtime/cassandra/encoded-rows.ts";
import type { Change } from "../change.ts";
import { type Words, wordsOf } from "../id-index.ts";

type Upsert = Extract<Change, { kind: "upsert" }>;
type Delete = Extract<Change, { kind: "delete" }>;

const { uuid, varchar, int, bigint, double, boolean, timestamp, date, list } = types.dataTypes;

/** The types of the columns, by the driver's codes. */
export const typeCodes: Readonly<Record<FieldKind, number>> = {
  uuid,
  text: varchar,
  int,
  long: bigint,
  double,
  boolean,
  timestamp,
  date,
  list,
};
const upsertColumns = [...fields.map(({ kind }) => typeCodes[kind]), bigint];
const deleteColumns = [bigint, uuid];

/** The parameters of `upsertCql` for each row; kept columns are unset, so they keep their value. */
export const encodeUpserts = (changes: readonly Upsert[]) =>
  encoded(changes, upsertColumns, ({ user, kept, writeTimeMicros }) => {
    for (const { name, kind } of fields) {
      const value = user[name] as FieldValue;
      if (kept?.includes(name)) putMark(unsetMark);
      else putValue(kind, value);
    }
    putLong(writeTimeMicros);
  });

/** The parameters of `deleteCql` for each row. */
export const encodeDeletes = (changes: readonly Delete[]) =>
  encoded(changes, deleteColumns, ({ id, writeTimeMicros }) => {
    putLong(writeTimeMicros);
    putValue("uuid", id);
  });

/** Values are gathered here, up to `end`, and copied to a buffer of their size. */
let gathered = Buffer.allocUnsafeSlow(64 * 1024);
let end = 0;

function encoded<T>(rows: readonly T[], columns: readonly number[], put: (row: T) => void): EncodedRows {
  end = 0;
  const ends = rows.map((row) => {
    put(row);
    return end;
  });
  return new EncodedRows(Buffer.from(gathered.subarray(0, end)), ends, columns);
}

/** A value as the protocol has it: its length in four bytes, and its bytes. */
export function encodeValue(kind: FieldKind, value: FieldValue): Buffer {
  end = 0;
  putValue(kind, value);
  return Buffer.from(gathered.subarray(0, end));
}

function putValue(kind: FieldKind, value: FieldValue) {
  if (value === null) putMark(nullMark);
  else puts[kind](value as never);
}

const puts: Readonly<Record<FieldKind, (value: never) => void>> = {
  text: putText,
  long: putLong,
  timestamp: (iso: string) => putLong(Date.parse(iso)),
  uuid: putUuid,
  int(value: number) {
    begin(4);
    end = gathered.writeInt32BE(value, end);
  },
  double(value: number) {
    begin(8);
    end = gathered.writeDoubleBE(value, end);
  },
  boolean(value: boolean) {
    begin(1);
    end = gathered.writeUInt8(Number(value), end);
  },
  date(iso: string) {
    const days = types.LocalDate.fromString(iso).toBuffer();
    begin(days.length);
    end += days.copy(gathered, end);
  },
  list(items: readonly string[]) {
    const start = end;
    begin(4);
    end = gathered.writeInt32BE(items.length, end);
    for (const item of items) putText(item);
    gathered.writeInt32BE(end - start - 4, start);
  },
};

/** Makes room for a value, and writes its length. */
function begin(length: number) {
  if (end + 4 + length > gathered.length) {
    const larger = Buffer.allocUnsafeSlow(2 * (gathered.length + length));
    gathered.copy(larger, 0, 0, end);
    gathered = larger;
  }
  end = gathered.writeInt32BE(length, end);
}

/** Lengths of values without bytes. */
const nullMark = -1;
const unsetMark = -2;

function putMark(mark: number) {
  begin(0);
  gathered.writeInt32BE(mark, end - 4);
}

/** UTF-8 has at most three bytes for a UTF-16 code unit. */
function putText(value: string) {
  const start = end;
  begin(value.length * 3);
  end += gathered.write(value, end);
  gathered.writeInt32BE(end - start - 4, start);
}

/** A whole number, also one beyond 2^53. */
function putLong(value: number) {
  if (!Number.isInteger(value)) throw new TypeError(`${value} is not a whole number`);
  begin(8);
  const high = Math.floor(value / 2 ** 32);
  gathered.writeInt32BE(high, end);
  end = gathered.writeUInt32BE(value - high * 2 ** 32, end + 4);
}

const words: Words = new Uint32Array(4);

function putUuid(id: string) {
  wordsOf(id, words);
  begin(16);
  for (let word = 0; word < words.length; word++) end = gathered.writeUInt32BE(words[word]!, end);
}

import { editReaderOf, editSchema, type ReadEdit } from "../../contract/user-edits.ts";
import { decode, isRejected, schemaIdOf } from "../../contract/wire.ts";
import type { Config } from "../../runtime/config.ts";
import { readRows, readWriteTimes } from "./cassandra.ts";
import { readTopic } from "./kafka.ts";

/** All records in the topic of edits by their write times. @throws if one is not an edit with its id as key */
export async function readEdits(config: Pick<Config, "kafka">): Promise<ReadEdit[]> {
  const read = editReaderOf(JSON.stringify(editSchema));
  const records = await readTopic(config, config.kafka.editTopic);
  const edits = records.map(({ key, value, partition, offset }) => {
    const edit = decode(value, new Map([[schemaIdOf(value) as number, read]]));
    if (isRejected(edit)) throw new Error(`partition ${partition}, offset ${offset}: ${edit.detail}`);
    if (edit.id !== key) throw new Error(`partition ${partition}, offset ${offset}: the key is ${key}`);
    return edit;
  });
  return edits.sort(
    (one, other) => one.write_time - other.write_time || one.request_id.localeCompare(other.request_id),
  );
}

/** The newest edit of each user, by id. */
function newestOf(edits: readonly ReadEdit[]): Map<string, ReadEdit> {
  const newest = new Map<string, ReadEdit>();
  for (const edit of edits) if ((newest.get(edit.id)?.write_time ?? 0) <= edit.write_time) newest.set(edit.id, edit);
  return newest;
}

/** A row and the write times of its columns, those without a value left out. */
export interface TimedRow {
  row: object;
  times: string[];
}

/** All rows by id. */
export async function readTimedRows(config: Pick<Config, "cassandra">): Promise<Map<string, TimedRow>> {
  const [rows, times] = await Promise.all([readRows(config), readWriteTimes(config)]);
  const timesOf = (id: string) => new Set(Object.values(times.get(id) ?? {}).filter((time) => time !== null));
  return new Map([...rows].map(([id, row]) => [id, { row, times: [...timesOf(id)] }]));
}

/** The rows that edits describe. */
const rowsOf = (edits: readonly ReadEdit[]): Map<string, TimedRow> =>
  new Map(
    [...newestOf(edits)].flatMap(([id, { user, write_time }]) =>
      user ? [[id, { row: user, times: [String(write_time)] }]] : [],
    ),
  );

/** The ids whose row is not exactly what the newest edit says. */
export async function unequalIds(config: Pick<Config, "kafka" | "cassandra">): Promise<string[]> {
  const [edits, found] = await Promise.all([readEdits(config), readTimedRows(config)]);
  const expected = rowsOf(edits);
  return [...new Set([...expected.keys(), ...found.keys()])].filter(
    (id) => !Bun.deepEquals(expected.get(id), found.get(id)),
  );
}

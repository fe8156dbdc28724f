import { types } from "cassandra-driver";
import pLimit from "p-limit";
import { idField, table } from "../../contract/entity.ts";
import { userOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import { pagesOf } from "../../runtime/cassandra/pages.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import { splitRing, type TokenRange } from "../../runtime/token-ranges.ts";

/** A row of the table and the newest write time of its columns, in microseconds; -Infinity if no column has a value. */
export interface StoredRow {
  user: User;
  timeMicros: number;
}

const others = fields.map(({ name }) => name).filter((name) => name !== idField);
/** The write times have short names: they are repeated in every page. */
const columns = [idField, ...others, ...others.map((name, index) => `writetime(${name}) AS w${index}`)].join(", ");
const timeNames = others.map((_, index) => `w${index}`);

const pageRows = 1_000;
const rangesAtOnce = 3;
const readsAtOnce = 64;

/** Calls `each` with every row of the table, in no order, read by token ranges. */
export async function scanRows(
  cassandra: Cassandra,
  keyspace: string,
  each: (row: StoredRow) => void,
  stop?: AbortSignal,
): Promise<void> {
  const query = `SELECT ${columns} FROM ${keyspace}.${table} WHERE token(${idField}) > ? AND token(${idField}) <= ?`;
  const limit = pLimit(rangesAtOnce);
  const scan = async ({ after, upTo }: TokenRange) => {
    const bounds = [String(after), String(upTo)].map(toLong);
    for await (const rows of pagesOf(cassandra, query, bounds, { pageRows, stop }))
      for (const row of rows) each(storedRow(row));
  };
  try {
    await Promise.all(splitRing(parts).map((range) => limit(scan, range)));
  } finally {
    limit.clearQueue();
  }
}

/** Calls `each` with the rows that have these ids, those that there are. */
export async function rowsOf(
  cassandra: Cassandra,
  keyspace: string,
  ids: readonly string[],
  each: (id: string, row: StoredRow) => void,
): Promise<void> {
  const query = `SELECT ${columns} FROM ${keyspace}.${table} WHERE ${idField} = ?`;
  const limit = pLimit(readsAtOnce);
  await limit.map(ids, async (id) => {
    const row = (await cassandra.execute(query, [id])).first();
    if (row) each(id, storedRow(row));
  });
}

function storedRow(row: types.Row): StoredRow {
  let timeMicros = Number.NEGATIVE_INFINITY;
  for (const name of timeNames) {
    const written = row[name] as types.Long | null;
    if (written !== null) timeMicros = Math.max(timeMicros, written.toNumber());
  }
  return { user: userOf(row), timeMicros };
}

/** Small enough that a few ranges at once keep Cassandra busy, large enough for full pages. */
const parts = 64;

const toLong = (text: string) => types.Long.fromString(text);

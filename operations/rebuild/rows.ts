import { types } from "cassandra-driver";
import { idField, table } from "../../contract/entity.ts";
import { fields } from "../../contract/user.ts";
import { pagesOf } from "../../runtime/cassandra/pages.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { TokenRange } from "../../runtime/token-ranges.ts";

/** A column of a row: its value as text, and its write time in microseconds as text; both null if it has no value. */
export interface Cell {
  value: string | null;
  writtenAt: string | null;
}

/** A row with its cells in the order of `columns`. */
export interface Row {
  id: string;
  token: bigint;
  cells: readonly Cell[];
}

/** Every column but the id, which has no write time. */
export const columns = fields.map(({ name }) => name).filter((name) => name !== idField);

// Short names, since they are repeated in every page.
const selected = [
  idField,
  `token(${idField}) AS t`,
  ...columns.flatMap((name, index) => [`${name} AS v${index}`, `writetime(${name}) AS w${index}`]),
].join(", ");

/** How many rows are fetched at once. */
const pageRows = 1_000;

/** The rows of a range of tokens, in the order of their tokens. */
export async function* rowsIn(cassandra: Cassandra, keyspace: string, { after, upTo }: TokenRange) {
  const query = `SELECT ${selected} FROM ${keyspace}.${table} WHERE token(${idField}) > ? AND token(${idField}) <= ?`;
  const bounds = [after, upTo].map((token) => types.Long.fromString(String(token)));
  for await (const rows of pagesOf(cassandra, query, bounds, { pageRows })) yield rows.map(rowOf);
}

/** One row by its id; null if there is none. */
export async function rowAt(cassandra: Cassandra, keyspace: string, id: string): Promise<Row | null> {
  const found = await cassandra.execute(`SELECT ${selected} FROM ${keyspace}.${table} WHERE ${idField} = ?`, [id]);
  const row = found.first();
  return row ? rowOf(row) : null;
}

function rowOf(row: types.Row): Row {
  const cells = columns.map((_, index) => ({
    value: textOf(row[`v${index}`]),
    writtenAt: row[`w${index}`] === null ? null : String(row[`w${index}`]),
  }));
  return { id: String(row[idField]), token: BigInt(String(row.t)), cells };
}

/** The same text for the same value, whatever the driver makes of its type. */
function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return JSON.stringify(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "beyond the range of dates" : value.toISOString();
  return String(value);
}

import { idField, table, timeField } from "../../contract/entity.ts";
import { deletedTable, quoted, userOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import { pagesOf } from "../../runtime/cassandra/pages.ts";
import { type Cassandra, isInvalidStatement } from "../../runtime/cassandra.ts";
import type { Postgres } from "../../runtime/postgres.ts";

/** What PostgreSQL has of a user. */
export interface PostgresState {
  row: User | null;
  /** When the row was deleted, in milliseconds since 1970. */
  deletedMs: number | null;
}

export async function readPostgres(sql: Postgres, id: string): Promise<PostgresState> {
  const [row, deleted] = await Promise.all([
    firstRow(sql, `SELECT * FROM ${table} WHERE ${idField} = $1`, id),
    firstRow(sql, `SELECT deleted_at FROM ${deletedTable} WHERE ${idField} = $1`, id),
  ]);
  return { row: row ? userOf(row) : null, deletedMs: deleted ? Number(deleted.deleted_at) : null };
}

/** A table that does not exist yet has no row. */
async function firstRow(sql: Postgres, query: string, id: string): Promise<Record<string, unknown> | undefined> {
  try {
    return (await sql.unsafe(query, [id]))[0];
  } catch (error) {
    const undefinedTable = "42P01";
    if ((error as { code?: unknown }).code === undefinedTable) return undefined;
    throw error;
  }
}

/** A row in Cassandra: its values, and the write time of each column that has a value, in microseconds since 1970. */
export interface StoredRow {
  user: User;
  writeTimes: Map<string, number>;
}

const columns = fields.map(({ name }) => name);
const timed = columns.filter((name) => name !== idField);

/** The row, or null: CQL does not show whether it was deleted. A table that does not exist yet has no row. */
export async function readCassandra(cassandra: Cassandra, keyspace: string, id: string): Promise<StoredRow | null> {
  const times = timed.map((name, index) => `writetime(${name}) AS written_${index}`);
  const query = `SELECT ${[...columns, ...times].join(", ")} FROM ${keyspace}.${table} WHERE ${idField} = ?`;
  const row = await cassandra.execute(query, [id]).then(
    (result) => result.first(),
    (error: Error) => {
      if (isInvalidStatement(error) && /does not exist/.test(error.message)) return null;
      throw error;
    },
  );
  if (!row) return null;
  const writeTimes = timed.flatMap((name, index): [string, number][] =>
    row[`written_${index}`] === null ? [] : [[name, Number(row[`written_${index}`])]],
  );
  return { user: userOf(row), writeTimes: new Map(writeTimes) };
}

/** When the user was last written, in milliseconds since 1970. */
export const timeOf = (user: User) => Date.parse(user[timeField]);

/** How many users with the same name are listed at most. */
const maxNamed = 20;

/** The ids of the rows in PostgreSQL that have this value in one of the fields. */
export async function idsInPostgres(sql: Postgres, names: readonly string[], value: string): Promise<string[]> {
  const where = names.map((name) => `${quoted(name)} = $1`).join(" OR ");
  const query = `SELECT ${idField} FROM ${table} WHERE ${where} ORDER BY ${idField} LIMIT ${maxNamed}`;
  return (await sql.unsafe(query, [value])).map((row) => String(row[idField]));
}

const tokenRanges = 64;
const concurrentRanges = 8;

/** The same in Cassandra, which has no index on these fields and so reads the whole table, one token range after another. */
export async function idsInCassandra(
  cassandra: Cassandra,
  keyspace: string,
  names: readonly string[],
  value: string,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<string[]> {
  const ids = new Set<string>();
  const [first, width] = [-(2n ** 63n), 2n ** 64n / BigInt(tokenRanges)];
  let [next, done] = [0, 0];
  const worker = async () => {
    for (let range = next++; range < tokenRanges && ids.size < maxNamed; range = next++) {
      const from = first + BigInt(range) * width;
      const to = range === tokenRanges - 1 ? 2n ** 63n - 1n : from + width - 1n;
      for (const name of names) {
        const query = `SELECT ${idField} FROM ${keyspace}.${table} WHERE token(${idField}) >= ${from} AND token(${idField}) <= ${to} AND ${name} = ? ALLOW FILTERING`;
        for await (const rows of pagesOf(cassandra, query, [value], { pageRows: 1_000 }))
          for (const row of rows) ids.add(String(row[idField]));
      }
      onProgress(++done, tokenRanges);
    }
  };
  await Promise.all(Array.from({ length: concurrentRanges }, worker));
  return [...ids].sort().slice(0, maxNamed);
}

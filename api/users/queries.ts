import { idField, table, timeField } from "../../contract/entity.ts";
import { deleteCql, rowOf, upsertCql, userOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import { countUsers } from "../../operations/users/count.ts";
import { BadCursor } from "../../operations/users/cursor.ts";
import { openUserPages, type Wanted } from "../../operations/users/pages.ts";
import { longOf } from "../../operations/users/query.ts";
import type { Database } from "../database.ts";
import { Problem } from "../problem.ts";

/** A user, and when the row was written. */
export interface Stored {
  user: User;
  written: bigint;
}

const columns = fields.map(({ name }) => name).join(", ");

/** The statements on the users in Cassandra, and what they return. Write times are in microseconds. */
export function openQueries(database: Database, keyspace: string) {
  const users = `${keyspace}.${table}`;

  // the time field is never null, so the time it was written is the row's
  const findText = `SELECT ${columns}, WRITETIME(${timeField}) AS written FROM ${users} WHERE ${idField} = ?`;
  async function find(id: string): Promise<Stored | undefined> {
    const row = (await database.query(findText, [id])).first();
    return row ? { user: userOf(row), written: BigInt(String(row.written ?? 0)) } : undefined;
  }

  const firstText = `SELECT ${columns} FROM ${users} LIMIT ?`;
  const first = async (limit: number): Promise<User[]> => (await database.query(firstText, [limit])).rows.map(userOf);

  const pages = openUserPages(database.query, keyspace);
  const list = (limit: number, cursor?: string) => pages.list(limit, cursor).catch(refuseCursor);
  const search = (wanted: Wanted, limit: number, cursor?: string) =>
    pages.search(wanted, limit, cursor).catch(refuseCursor);
  const count = () => countUsers(database.query, keyspace);

  const upsertText = upsertCql(keyspace);
  const upsert = async (user: User, time: bigint) =>
    void (await database.query(upsertText, [...rowOf(user), longOf(time)]));
  /** The row of a user written at this time. */
  const rowAt = (user: Omit<User, typeof timeField>, time: bigint): User =>
    asRead({ ...user, [timeField]: new Date(Number(time / 1_000n)).toISOString() });

  const deleteText = deleteCql(keyspace);
  const remove = async (id: string, time: bigint) => void (await database.query(deleteText, [longOf(time), id]));

  return { find, first, list, search, count, rowAt, upsert, remove };
}

/** A user as Cassandra will return it: times in milliseconds. */
function asRead(user: User): User {
  const row = rowOf(user);
  return userOf(Object.fromEntries(fields.map(({ name }, index) => [name, row[index]])));
}

/** @throws Problem 400 for a cursor that is not of the query */
function refuseCursor(error: unknown): never {
  if (!(error instanceof BadCursor)) throw error;
  const detail = error.message;
  throw new Problem(400, `cursor: ${detail}`, { errors: [{ field: "cursor", detail }] });
}

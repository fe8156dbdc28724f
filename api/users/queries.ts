import { errors, types } from "cassandra-driver";
import { idField, indexedField, table, timeField } from "../../contract/entity.ts";
import { deleteCql, rowOf, selectCql, upsertCql, userOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import type { TokenRange } from "../../runtime/token-ranges.ts";
import type { Database } from "../database.ts";
import { Problem } from "../problem.ts";
import { badCursor, cursorOf, pageStateOf } from "./cursor.ts";

export interface Page {
  users: User[];
  cursor: string | null;
}

/** A count reads many rows, so it may take longer than other queries. */
const countTimeoutMs = 12_000;

const columns = fields.map(({ name }) => name).join(", ");

/** The statements on the users in Cassandra, and what they return. Write times are in microseconds. */
export function openQueries(database: Database, keyspace: string) {
  const users = `${keyspace}.${table}`;

  const findText = selectCql(keyspace);
  async function find(id: string): Promise<User | undefined> {
    const row = (await database.query(findText, [id])).first();
    return row ? userOf(row) : undefined;
  }

  // the write time is never null, so the time it was written is the row's
  const findWithTimeText = `SELECT ${columns}, WRITETIME(${timeField}) AS written FROM ${users} WHERE ${idField} = ?`;
  async function findWithTime(id: string): Promise<{ user: User; written: bigint } | undefined> {
    const row = (await database.query(findWithTimeText, [id])).first();
    return row ? { user: userOf(row), written: BigInt(String(row.written ?? 0)) } : undefined;
  }

  const firstText = `SELECT ${columns} FROM ${users} LIMIT ?`;
  const first = async (limit: number): Promise<User[]> => (await database.query(firstText, [limit])).rows.map(userOf);

  const listText = `SELECT ${columns} FROM ${users}`;
  const list = (limit: number, cursor?: string) => page(database, "users", listText, [], limit, cursor);

  const searchText = `SELECT ${columns} FROM ${users} WHERE ${indexedField} = ?`;
  const search = (text: string, limit: number, cursor?: string) =>
    page(database, `${indexedField} ${text}`, searchText, [text], limit, cursor);

  const countText = `SELECT count(*) FROM ${users} WHERE token(${idField}) > ? AND token(${idField}) <= ?`;
  async function countRange({ after, upTo }: TokenRange): Promise<number> {
    const result = await database.query(countText, [long(after), long(upTo)], { readTimeout: countTimeoutMs });
    return Number(result.first().count);
  }

  const upsertText = upsertCql(keyspace);
  const upsert = async (user: User, time: bigint) =>
    void (await database.query(upsertText, [...rowOf(user), long(time)]));
  /** The row of a user written at this time. */
  const rowAt = (user: Omit<User, typeof timeField>, time: bigint): User =>
    asRead({ ...user, [timeField]: new Date(Number(time / 1_000n)).toISOString() });

  const deleteText = deleteCql(keyspace);
  const remove = async (id: string, time: bigint) => void (await database.query(deleteText, [long(time), id]));

  return { find, findWithTime, first, list, search, countRange, rowAt, upsert, remove };
}

/** One page of a query; `name` binds its cursors to it. @throws Problem 400 for a cursor that is not of this query */
async function page(
  database: Database,
  name: string,
  text: string,
  parameters: unknown[],
  limit: number,
  cursor?: string,
): Promise<Page> {
  const pageState = pageStateOf(name, cursor);
  try {
    const result = await database.query(text, parameters, { autoPage: false, fetchSize: limit, pageState });
    return { users: result.rows.map(userOf), cursor: cursorOf(name, result.pageState) };
  } catch (error) {
    // The cursor is forged, or from another version of Cassandra.
    if (cursor !== undefined && isBadPageState(error instanceof Problem ? error.cause : error)) throw badCursor();
    throw error;
  }
}

/** A user as Cassandra will return it: times in milliseconds. */
function asRead(user: User): User {
  const row = rowOf(user);
  return userOf(Object.fromEntries(fields.map(({ name }, index) => [name, row[index]])));
}

const long = (value: bigint) => types.Long.fromString(value.toString());

/**
 * Cassandra refuses most page states that are not its own. One that it can parse, but whose position is no key, makes
 * the replicas fail for a reason that they cannot name, which has the code 0.
 * Source: Cassandra's native_protocol_v5.spec, "Read_failure".
 */
function isBadPageState(error: unknown) {
  if (!(error instanceof errors.ResponseError)) return false;
  const { reasons = {} } = error as { reasons?: Record<string, number> };
  const { protocolError, readFailure } = types.responseErrorCodes;
  return (
    error.code === protocolError || (error.code === readFailure && Object.values(reasons).every((code) => code === 0))
  );
}

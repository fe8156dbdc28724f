import { errors, types } from "cassandra-driver";
import { deleteCql, rowOf, selectCql, table, upsertCql, userOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import type { Database } from "../database.ts";
import { badCursor, cursorOf, pageStateOf } from "./cursor.ts";
import { latest } from "./latest.ts";
import type { NewUser, UserChanges } from "./shapes.ts";
import { halve, splitRing, type TokenRange } from "./token-ranges.ts";
import { takeTurns } from "./turns.ts";
import { writeClock } from "./write-clock.ts";

export interface Page {
  users: User[];
  cursor: string | null;
}

export type Added = { kind: "added"; user: User } | { kind: "exists" } | { kind: "deleted later" };

/**
 * The users in Cassandra. A write is a whole row, or a delete, at a time newer than the row it follows; an edit that
 * was acknowledged is what the next read sees.
 */
export interface UserStore {
  /** Exact: every row that was there when it was called and still is. */
  count(): Promise<number>;
  first(limit: number): Promise<User[]>;
  find(id: string): Promise<User | undefined>;
  list(limit: number, cursor?: string): Promise<Page>;
  /** Those of exactly this first name, in any case. */
  search(firstName: string, limit: number, cursor?: string): Promise<Page>;
  add(user: NewUser & { id: string }): Promise<Added>;
  /** The new state; undefined where there is no such user. */
  update(id: string, changes: UserChanges): Promise<User | undefined>;
  /** Whether there was one. */
  remove(id: string): Promise<boolean>;
}

const columns = fields.map(({ name }) => name).join(", ");

/** Ranges that a count is made of, how many are counted side by side, and how long one may take. */
const counting = { ranges: 32, sideBySide: 4, readTimeout: 12_000 };

export function userStore(database: Database, keyspace: string, nowMs = Date.now): UserStore {
  const users = `${keyspace}.${table}`;
  const cql = {
    count: `SELECT count(*) FROM ${users} WHERE token(id) > ? AND token(id) <= ?`,
    first: `SELECT ${columns} FROM ${users} LIMIT ?`,
    find: selectCql(keyspace),
    // email is never null, so its write time is the row's
    findWithTime: `SELECT ${columns}, WRITETIME(email) AS written FROM ${users} WHERE id = ?`,
    list: `SELECT ${columns} FROM ${users}`,
    search: `SELECT ${columns} FROM ${users} WHERE first_name = ?`,
    upsert: upsertCql(keyspace),
    delete: deleteCql(keyspace),
  };
  const clock = writeClock(nowMs);
  const inTurn = takeTurns();

  async function find(id: string) {
    const row = (await database.query(cql.find, [id])).first();
    return row ? userOf(row) : undefined;
  }

  async function findWithTime(id: string) {
    const row = (await database.query(cql.findWithTime, [id])).first();
    return row ? { user: userOf(row), written: BigInt(String(row.written ?? 0)) } : undefined;
  }

  async function write(user: Omit<User, "timestamp">, time: bigint) {
    const written = asRead({ ...user, timestamp: new Date(Number(time / 1_000n)).toISOString() });
    await database.query(cql.upsert, [...rowOf(written), long(time)]);
    return written;
  }

  async function page(query: string, text: string, parameters: unknown[], limit: number, cursor?: string) {
    const pageState = pageStateOf(query, cursor);
    try {
      const result = await database.query(text, parameters, { autoPage: false, fetchSize: limit, pageState });
      return { users: result.rows.map(userOf), cursor: cursorOf(query, result.pageState) };
    } catch (error) {
      // Whoever forged it, or another version of Cassandra that made it.
      if (cursor !== undefined && isProtocolError(error)) throw badCursor();
      throw error;
    }
  }

  /** A range that is too large to be counted in time is counted in halves. */
  async function countRange(range: TokenRange): Promise<number> {
    try {
      const { readTimeout } = counting;
      const result = await database.query(cql.count, [long(range.after), long(range.upTo)], { readTimeout });
      return Number(result.first().count);
    } catch (error) {
      const halves = isServerTimeout(error) ? halve(range) : [];
      if (halves.length === 0) throw error;
      let rows = 0;
      for (const half of halves) rows += await countRange(half);
      return rows;
    }
  }

  return {
    count: latest(async () => {
      const ranges = splitRing(counting.ranges);
      let rows = 0;
      const worker = async () => {
        for (let range = ranges.pop(); range; range = ranges.pop()) {
          const counted = await countRange(range); // apart: `rows += await` would add to the rows of before the wait
          rows += counted;
        }
      };
      await Promise.all(Array.from({ length: counting.sideBySide }, worker));
      return rows;
    }),

    first: async (limit) => (await database.query(cql.first, [limit])).rows.map(userOf),
    find,
    list: (limit, cursor) => page("users", cql.list, [], limit, cursor),
    search: (firstName, limit, cursor) => page(`first name ${firstName}`, cql.search, [firstName], limit, cursor),

    add: (user) =>
      inTurn(user.id, async () => {
        if (await find(user.id)) return { kind: "exists" };
        await write(user, clock());
        const stored = await find(user.id);
        // A deletion that is dated ahead of this clock hides what is written before its time.
        return stored ? { kind: "added", user: stored } : { kind: "deleted later" };
      }),

    update: (id, changes) =>
      inTurn(id, async () => {
        const found = await findWithTime(id);
        return found && write({ ...found.user, ...changes }, clock(found.written));
      }),

    remove: (id) =>
      inTurn(id, async () => {
        const found = await findWithTime(id);
        if (!found) return false;
        await database.query(cql.delete, [long(clock(found.written)), id]);
        return true;
      }),
  };
}

/** A user as Cassandra will return it: times in milliseconds. */
function asRead(user: User): User {
  const row = rowOf(user);
  return userOf(Object.fromEntries(fields.map(({ name }, index) => [name, row[index]])));
}

const long = (value: bigint) => types.Long.fromString(value.toString());

const isProtocolError = (error: unknown) =>
  error instanceof errors.ResponseError && error.code === types.responseErrorCodes.protocolError;

function isServerTimeout(error: unknown) {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof errors.ResponseError && cause.code === types.responseErrorCodes.readTimeout;
}

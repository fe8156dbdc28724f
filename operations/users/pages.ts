import { types } from "cassandra-driver";
import { searchFields, table } from "../../contract/entity.ts";
import { userOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import { BadCursor, cursorOf, pageStateOf } from "./cursor.ts";
import { type Query, responseErrorOf } from "./query.ts";

export interface Page {
  users: User[];
  cursor: string | null;
}

/** The users in Cassandra, page by page, in the order of their tokens. A page may have fewer users than `limit`. */
export interface UserPages {
  /** @throws BadCursor */
  list: (limit: number, cursor?: string) => Promise<Page>;
  /** The users whose fields are exactly these texts, ignoring case. @throws BadCursor */
  search: (wanted: Wanted, limit: number, cursor?: string) => Promise<Page>;
}

/** Texts to search for, at least one, by the field that has to have it. */
export type Wanted = Partial<Record<(typeof searchFields)[number], string>>;

const columns = fields.map(({ name }) => name).join(", ");

export function openUserPages(query: Query, keyspace: string): UserPages {
  const listText = `SELECT ${columns} FROM ${keyspace}.${table}`;
  return {
    list: (limit, cursor) => page(query, "users", listText, [], limit, cursor),
    search(wanted, limit, cursor) {
      const names = searchFields.filter((name) => wanted[name] !== undefined);
      const texts = names.map((name) => wanted[name]);
      const text = `${listText} WHERE ${names.map((name) => `${name} = ?`).join(" AND ")}`;
      return page(query, JSON.stringify([names, texts]), text, texts, limit, cursor);
    },
  };
}

/** One page of a query; `name` binds its cursors to it. */
async function page(
  query: Query,
  name: string,
  text: string,
  parameters: unknown[],
  limit: number,
  cursor?: string,
): Promise<Page> {
  const pageState = pageStateOf(name, cursor);
  try {
    const result = await query(text, parameters, { autoPage: false, fetchSize: limit, pageState });
    return { users: result.rows.map(userOf), cursor: cursorOf(name, result.pageState) };
  } catch (error) {
    // The cursor is forged, or from another version of Cassandra.
    if (cursor !== undefined && isBadPageState(error)) throw new BadCursor();
    throw error;
  }
}

/**
 * Cassandra refuses most page states that are not its own. One that it can parse, but whose position is no key, makes
 * the coordinator fail with an error of its own, or the replicas for a reason that they cannot name, which has the code 0.
 * Source: Cassandra's native_protocol_v5.spec, "Error codes", "Read_failure".
 */
function isBadPageState(error: unknown) {
  const answer = responseErrorOf(error);
  const { reasons = {} } = (answer ?? {}) as { reasons?: Record<string, number> };
  const { protocolError, readFailure, serverError } = types.responseErrorCodes;
  return (
    answer?.code === protocolError ||
    answer?.code === serverError ||
    (answer?.code === readFailure && Object.values(reasons).every((code) => code === 0))
  );
}

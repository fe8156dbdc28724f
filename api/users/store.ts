import type { User } from "../../contract/user.ts";
import type { Database } from "../database.ts";
import { countRing } from "./count-ring.ts";
import { latest } from "./latest.ts";
import { openQueries, type Page } from "./queries.ts";
import type { NewUser, UserChanges } from "./shapes.ts";
import { takeTurns } from "./turns.ts";
import { writeClock } from "./write-clock.ts";

export type Added = { kind: "added"; user: User } | { kind: "exists" } | { kind: "deleted later" };

/**
 * The users in Cassandra. Every write is a whole row or a delete, with a write time later than the row it replaces. An
 * acknowledged edit is visible to the next read.
 */
export interface UserStore {
  /** Exact: counts every row that exists from the call to its end. */
  count(): Promise<number>;
  first(limit: number): Promise<User[]>;
  find(id: string): Promise<User | undefined>;
  list(limit: number, cursor?: string): Promise<Page>;
  /** The users whose indexed field is exactly this text, ignoring case. */
  search(text: string, limit: number, cursor?: string): Promise<Page>;
  add(user: NewUser & { id: string }): Promise<Added>;
  /** The new state; undefined if there is no such user. */
  update(id: string, changes: UserChanges): Promise<User | undefined>;
  /** Whether the user existed. */
  remove(id: string): Promise<boolean>;
}

export function userStore(database: Database, keyspace: string, nowMs = Date.now): UserStore {
  const queries = openQueries(database, keyspace);
  const { find, first, list, search } = queries;
  const clock = writeClock(nowMs);
  const inTurn = takeTurns();

  async function add(user: NewUser & { id: string }): Promise<Added> {
    if (await find(user.id)) return { kind: "exists" };
    await queries.upsert(user, clock());
    const stored = await find(user.id);
    // A deletion whose time is ahead of this clock hides the new row.
    return stored ? { kind: "added", user: stored } : { kind: "deleted later" };
  }

  async function update(id: string, changes: UserChanges): Promise<User | undefined> {
    const found = await queries.findWithTime(id);
    return found && queries.upsert({ ...found.user, ...changes }, clock(found.written));
  }

  async function remove(id: string): Promise<boolean> {
    const found = await queries.findWithTime(id);
    if (!found) return false;
    await queries.remove(id, clock(found.written));
    return true;
  }

  return {
    count: latest(() => countRing(queries.countRange)),
    first,
    find,
    list,
    search,
    add: (user) => inTurn(user.id, () => add(user)),
    update: (id, changes) => inTurn(id, () => update(id, changes)),
    remove: (id) => inTurn(id, () => remove(id)),
  };
}

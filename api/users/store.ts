import { idField } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import { UserEdit } from "../../contract/user-edits.ts";
import type { Page, Wanted } from "../../operations/users/pages.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Database } from "../database.ts";
import type { EditLog } from "../edits/edit-log.ts";
import { Problem } from "../problem.ts";
import { expectMatch } from "./entity-tag.ts";
import { latest } from "./latest.ts";
import { openQueries, type Stored } from "./queries.ts";
import type { NewUser, UserChanges } from "./shapes.ts";
import { takeTurns } from "./turns.ts";
import { openUnapplied } from "./unapplied.ts";
import { writeClock } from "./write-clock.ts";

/** Where a write is: in the row, or so far only in the topic of edits, from which the consumer applies it. */
export type Outcome = "stored" | "logged";

/** A write that was accepted, and the user that it leaves. */
export interface Written extends Stored {
  kind: Outcome;
}

export type Added = Written | { kind: "exists" } | { kind: "deleted later" } | { kind: "forgotten" };

/** Who asked for a write, for the topic of edits, and on what condition. */
export interface By {
  /** The name of the token that the request had; null if writes are open. */
  author: string | null;
  requestId: string;
  /** The header `If-Match`. */
  ifMatch?: string;
}

/**
 * The users in Cassandra. Every write is a whole row or a delete, with a write time later than the row it replaces. With
 * a log, it is a record there first, with the same write time: what then happens to this process or to Cassandra, the
 * consumer makes the row equal to the record. A write that is stored is visible to the next read.
 *
 * The writes of a user take turns, and each builds on the last accepted one, so of those with the same `ifMatch` one
 * succeeds; the others throw the 412 problem. Other processes that write the table do not take part: what they write
 * between the reading and the writing of a turn goes unnoticed, and the newest write time wins.
 */
export interface UserStore {
  /** Exact: counts every row that exists from the call to its end. */
  count(): Promise<number>;
  first(limit: number): Promise<User[]>;
  find(id: string): Promise<Stored | undefined>;
  list(limit: number, cursor?: string): Promise<Page>;
  /** The users whose fields are exactly these texts, ignoring case. */
  search(wanted: Wanted, limit: number, cursor?: string): Promise<Page>;
  add(user: NewUser & { id: string }, by: By): Promise<Added>;
  /** The new state; undefined if there is no such user. */
  update(id: string, changes: UserChanges, by: By): Promise<Written | undefined>;
  /** Undefined if there is no such user. */
  remove(id: string, by: By): Promise<Outcome | undefined>;
  /** Notes that the user is to be forgotten, also if there is no row, and deletes the row. */
  forget(id: string, author: string): Promise<void>;
}

interface Options {
  log: Log;
  /** The topic of edits; without it, writes are only in Cassandra. */
  edits?: EditLog;
  /** The consumer refuses edits that are further ahead of its clock, in milliseconds. */
  maxAheadMs?: number;
  nowMs?: () => number;
}

export function userStore(database: Database, keyspace: string, options: Options): UserStore {
  const { nowMs = Date.now } = options;
  const queries = openQueries(database, keyspace);
  const { find, first, list, search } = queries;
  const clock = writeClock(nowMs);
  const inTurn = takeTurns();
  const unapplied = openUnapplied();
  const logged = openWrite(options);

  /** The user as the last accepted write leaves it. */
  const last = async (id: string) => unapplied.over(id, await find(id));

  async function write<T>(edit: Edit, row: () => Promise<T>) {
    const written = await logged(edit, row);
    if (written.kind === "logged") unapplied.note(edit.id, { user: edit.user, written: edit.time });
    return written;
  }

  async function add(given: NewUser & { id: string }, by: By): Promise<Added> {
    if (options.edits?.isForgotten(given.id)) return { kind: "forgotten" };
    const found = await last(given.id);
    if (found?.user) return { kind: "exists" };
    const time = clock(found?.written);
    const user = queries.rowAt(given, time);
    const { kind, result } = await write({ id: user.id, user, time, by }, async () => {
      await queries.upsert(user, time);
      return find(user.id);
    });
    // A deletion whose time is ahead of this clock hides the new row.
    if (kind === "stored" && !result) return { kind: "deleted later" };
    return { kind, user, written: time, ...result };
  }

  async function update(id: string, changes: UserChanges, by: By): Promise<Written | undefined> {
    const found = await last(id);
    if (!found?.user) return undefined;
    expectMatch(found.user, found.written, by.ifMatch);
    const time = clock(found.written);
    const user = queries.rowAt({ ...found.user, ...changes }, time);
    const { kind } = await write({ id, user, time, by }, () => queries.upsert(user, time));
    return { kind, user, written: time };
  }

  async function remove(id: string, by: By): Promise<Outcome | undefined> {
    const found = await last(id);
    if (!found?.user) return undefined;
    expectMatch(found.user, found.written, by.ifMatch);
    const time = clock(found.written);
    return (await write({ id, user: null, time, by }, () => queries.remove(id, time))).kind;
  }

  async function forget(id: string, author: string) {
    const { edits, log, maxAheadMs = 0 } = options;
    if (!edits) throw new Problem(403, "the API's edits are not logged (api.log), so it cannot note who is forgotten");
    await edits.forget(id, author);
    // Nothing wins that a consumer still has in hand: it refuses times further ahead.
    const time = BigInt(nowMs() + maxAheadMs) * 1_000n;
    unapplied.note(id, { user: null, written: time });
    // Otherwise `bun run forget` does it.
    await queries.remove(id, time).catch((error) => log.warn("row is not deleted yet", { error: messageOf(error) }));
  }

  const whenReady = <T>(id: string, work: () => Promise<T>) => {
    options.edits?.expectReady();
    return inTurn(id, work);
  };
  return {
    count: latest(queries.count),
    first,
    find,
    list,
    search,
    add: async (user, by) => whenReady(user.id, () => add(user, by)),
    update: async (id, changes, by) => whenReady(id, () => update(id, changes, by)),
    remove: async (id, by) => whenReady(id, () => remove(id, by)),
    forget: async (id, author) => whenReady(id, () => forget(id, author)),
  };
}

interface Edit {
  id: string;
  /** Null for a deletion. */
  user: User | null;
  /** In microseconds since 1970. */
  time: bigint;
  by: By;
}

/** Returns a function that writes an edit: first to the log, if there is one, then the row. */
function openWrite({ edits, log, maxAheadMs = Number.POSITIVE_INFINITY, nowMs = Date.now }: Options) {
  return async <T>(edit: Edit, row: () => Promise<T>): Promise<{ kind: Outcome; result?: T }> => {
    if (!edits) return { kind: "stored", result: await row() };
    const { time, by } = edit;
    if (Number(time) > (nowMs() + maxAheadMs) * 1_000)
      throw new Problem(409, `user ${edit.id} was written with a time too far ahead of this server's clock`);
    await edits.append(recordOf(edit));
    try {
      return { kind: "stored", result: await row() };
    } catch (error) {
      log.warn("edit is so far only in the log", { requestId: by.requestId, error: messageOf(error) });
      return { kind: "logged" };
    }
  };
}

/** @throws Problem 422 if a value that is already stored, by other means or before a rule, violates the contract */
function recordOf({ id, user, time, by }: Edit): UserEdit {
  const edit = UserEdit.safeParse({
    [idField]: id,
    operation: user ? "upsert" : "delete",
    user,
    write_time: Number(time),
    author: by.author,
    request_id: by.requestId,
  });
  if (edit.success) return edit.data;
  const errors = edit.error.issues.map(({ path: [, field], message }) => ({
    field: String(field),
    detail: `The stored value violates the contract: ${message}`,
  }));
  const line = errors.map(({ field, detail }) => `${field}: ${detail}`).join("; ");
  throw new Problem(422, `${line}; give another value, too`, { errors });
}

import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { table } from "../contract/entity.ts";
import { columnArrays, holdSql, upsertSql, writeTimeOf } from "../contract/tables.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { expectFit, logMigration, migratePostgres } from "../operations/migrate.ts";
import { accessErrorIn } from "../runtime/access-error.ts";
import { FinalError, messageOf, StoppedError, TransientError } from "../runtime/lifecycle.ts";
import { operatorCommand } from "../runtime/operator-command.ts";
import { classifyError, openPostgres, type Postgres } from "../runtime/postgres.ts";
import { retry } from "../runtime/retry.ts";
import { type Context, inputFlag, inputOption, type Task } from "./task.ts";
import { parseUsers, refuse, type UserLine } from "./users.ts";

const usage = `backup: users -> PostgreSQL, table ${table}

  backup [--input users.jsonl] [--output backup.jsonl] [--rejects FILE]

  -i, --input   users from format (default: stdin)
  -o, --output  the same users once they are stored, without deleted and forgotten ones (default: stdout)
  --rejects     invalid lines and users that PostgreSQL rejected, with the reason
                (default: a file beside --output, or the log)
  -h, --help    show this help and exit
`;

/** How long PostgreSQL may be unavailable before the task fails with exit code 1, in milliseconds. */
const maxUnavailableMs = 30_000;

/**
 * users.jsonl -> PostgreSQL -> the same users. A user is passed on only once it is stored. A newer row is kept, and a
 * deleted or forgotten user is neither stored nor passed on.
 */
export const backup: Task<{ input?: string }> = {
  name: "backup",
  usage,
  flags: inputFlag,
  options: z.strictObject(inputOption),

  async work({ config, log, stop, lines, write, reject }, { input }) {
    const sql = openPostgres(config.postgres, 1);
    const withRetries: Retrying = (what, work) => retryWhileUnavailable(what, work, { log, stop });
    const counts = { inserted: 0, updated: 0, unchanged: 0, deleted: 0, forgotten: 0 };
    try {
      const prepare = () => Promise.race([migratePostgres(sql, { apply: config.manageSchema }), noAnswer()]);
      const report = await withRetries("prepare the table", prepare);
      logMigration(report, log);
      expectFit(report);
      for await (const batch of lines(input)) {
        const { users, rejects } = parseUsers(batch);
        const store = (part: UserLine[]) => withRetries("store users", () => upsert(sql, part));
        const { stored, refused } = await storeAll(users, store);
        const accepted = users.filter((line) => !refused.has(line));
        const remembered = accepted.filter(({ user }) => !stored.forgotten.has(keyOf(user)));
        const kept = remembered.filter(({ user }) => !stored.deleted.has(keyOf(user)));
        counts.inserted += stored.inserted;
        counts.updated += stored.updated;
        counts.unchanged += kept.length - stored.inserted - stored.updated;
        counts.deleted += remembered.length - kept.length;
        counts.forgotten += accepted.length - remembered.length;
        await reject([...rejects, ...[...refused].map(([line, reason]) => refuse(line, reason))]);
        await write(kept.map(({ user }) => user));
      }
    } finally {
      await sql.end({ timeout: 5 });
    }
    return counts;
  },
};

type Retrying = <T>(what: string, work: () => Promise<T>) => Promise<T>;

/**
 * Retries transient failures for up to `maxUnavailableMs`.
 * @throws FinalError if PostgreSQL's answer will not change, TransientError if it stayed unavailable
 */
async function retryWhileUnavailable<T>(
  what: string,
  work: () => Promise<T>,
  { log, stop }: Pick<Context, "log" | "stop">,
): Promise<T> {
  const until = performance.now() + maxUnavailableMs;
  const isWorthRetrying = (error: unknown) => classifyError(error) === "transient" && performance.now() < until;
  try {
    return await retry(work, { what, while: isWorthRetrying, stop, log });
  } catch (error) {
    const refused = accessErrorIn(error);
    if (refused) throw refused;
    if (classifyError(error) === "final")
      throw new FinalError(`PostgreSQL refused to ${what}: ${messageOf(error)}; ${remedyOf(error)}`);
    if (error instanceof StoppedError) throw error;
    const Failure = classifyError(error) === "transient" ? TransientError : Error;
    throw new Failure(`could not ${what}`, { cause: error });
  }
}

/** By PostgreSQL's class of errors: 42 is about tables and rights on them, the others about the login or the database. */
const remedyOf = (error: unknown) =>
  String((error as { code?: unknown }).code).startsWith("42")
    ? `${operatorCommand("migrate")}, as the table's owner, compares it with the contract`
    : "check postgres.url, POSTGRES_URL";

/** Rejects after `maxUnavailableMs`: postgres.js reconnects indefinitely if a server closes each connection. */
async function noAnswer(): Promise<never> {
  await wait(maxUnavailableMs, undefined, { ref: false });
  throw Object.assign(new Error(`no answer within ${maxUnavailableMs / 1_000} s`), { code: "CONNECT_TIMEOUT" });
}

interface Stored {
  inserted: number;
  updated: number;
  /** The ids of users that remain deleted. */
  deleted: Set<string>;
  /** The ids of users that were forgotten. */
  forgotten: Set<string>;
}

/**
 * Stores every user that PostgreSQL accepts. If a statement fails because of its data, its halves are retried
 * separately, down to the invalid rows, which are returned with PostgreSQL's reason.
 */
async function storeAll(users: UserLine[], store: (users: UserLine[]) => Promise<Stored>) {
  const refused = new Map<UserLine, string>();
  const stored: Stored = { inserted: 0, updated: 0, deleted: new Set(), forgotten: new Set() };
  const attempt = async (part: UserLine[]): Promise<void> => {
    if (part.length === 0) return;
    try {
      const { inserted, updated, deleted, forgotten } = await store(part);
      stored.inserted += inserted;
      stored.updated += updated;
      for (const id of deleted) stored.deleted.add(id);
      for (const id of forgotten) stored.forgotten.add(id);
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      if (classifyError(cause) !== "data") throw error;
      if (part.length === 1) refused.set(part[0]!, `PostgreSQL rejected it: ${messageOf(cause)}`);
      else {
        const middle = part.length >> 1;
        await attempt(part.slice(0, middle));
        await attempt(part.slice(middle));
      }
    }
  };
  await attempt(users);
  return { stored, refused };
}

/** Upserts in one transaction, which a concurrent deletion precedes or follows as a whole. */
async function upsert(sql: Postgres, users: UserLine[]): Promise<Stored> {
  const newest = newestOfEach(users);
  const [, rows] = await sql.begin((transaction) => [
    transaction.unsafe(holdSql, [newest.map(keyOf)], { prepare: true }),
    transaction.unsafe(upsertSql, columnArrays(newest), { prepare: true }),
  ]);
  return {
    inserted: rows.filter(({ inserted }) => inserted === true).length,
    updated: rows.filter(({ inserted }) => inserted === false).length,
    deleted: new Set(rows.flatMap(({ deleted }) => deleted ?? [])),
    forgotten: new Set(rows.flatMap(({ forgotten }) => forgotten ?? [])),
  };
}

/** Removes duplicate ids, as the statement requires; of equal times the first is kept, as in the table. */
function newestOfEach(users: UserLine[]): User[] {
  const newest = new Map<string, User>();
  for (const { user } of users) {
    const other = newest.get(keyOf(user));
    if (!other || writeTimeOf(other) < writeTimeOf(user)) newest.set(keyOf(user), user);
  }
  return [...newest.values()];
}

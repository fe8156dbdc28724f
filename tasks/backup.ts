import { z } from "zod";
import { columnArrays, createSql, upsertSql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { FinalError, messageOf, StoppedError, TransientError } from "../runtime/lifecycle.ts";
import { fateOf, openPostgres, type Postgres } from "../runtime/postgres.ts";
import { retry } from "../runtime/retry.ts";
import { inputFlag, inputOption, type Task } from "./task.ts";
import { parseUsers, refuse, type UserLine } from "./users.ts";

const usage = `backup: users -> PostgreSQL, table created_users

  backup [--input users.jsonl] [--output backup.jsonl] [--rejects FILE]

  --input    users that format wrote; left out, stdin
  --output   the same users, once they are stored; left out, stdout
  --rejects  lines that are no user or that PostgreSQL refuses, with the reason; left out, beside --output, or the log
`;

/** How long PostgreSQL may be away before the task fails with exit code 1, in milliseconds. */
const awayAtMostMs = 30_000;

/** users.jsonl -> PostgreSQL -> the same users. A user goes on only once it is stored; a row that is newer stays. */
export const backup: Task<{ input?: string }> = {
  name: "backup",
  usage,
  flags: inputFlag,
  options: z.strictObject(inputOption),

  async work({ config, log, stop, lines, write, reject }, { input }) {
    const sql = openPostgres(config.postgres.url, 1);
    const patiently = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const until = performance.now() + awayAtMostMs;
      const worthWaiting = (error: unknown) => fateOf(error) === "transient" && performance.now() < until;
      try {
        return await retry(work, { what, while: worthWaiting, stop, log });
      } catch (error) {
        if (fateOf(error) === "final")
          throw new FinalError(
            `PostgreSQL refuses to ${what}: ${messageOf(error)}; look at postgres.url, POSTGRES_URL`,
          );
        if (error instanceof StoppedError) throw error;
        const Failure = fateOf(error) === "transient" ? TransientError : Error;
        throw new Failure(`could not ${what}`, { cause: error });
      }
    };

    const counts = { inserted: 0, updated: 0, unchanged: 0 };
    try {
      await patiently("create the table", () => sql.unsafe(createSql));
      for await (const batch of lines(input)) {
        const { users, rejects } = parseUsers(batch);
        const store = (part: UserLine[]) => patiently("store users", () => upsert(sql, part));
        const { stored, refused } = await storeAll(users, store);
        counts.inserted += stored.inserted;
        counts.updated += stored.updated;
        counts.unchanged += users.length - refused.size - stored.inserted - stored.updated;
        await reject([...rejects, ...[...refused].map(([line, reason]) => refuse(line, reason))]);
        await write(users.filter((line) => !refused.has(line)).map(({ user }) => user));
      }
    } finally {
      await sql.end({ timeout: 5 });
    }
    return counts;
  },
};

interface Stored {
  inserted: number;
  updated: number;
}

/**
 * Stores all that can be stored. Where a statement fails because of its data, its halves are tried, down to the rows
 * at fault: those come back with PostgreSQL's reason.
 */
async function storeAll(users: UserLine[], store: (users: UserLine[]) => Promise<Stored>) {
  const refused = new Map<UserLine, string>();
  const stored: Stored = { inserted: 0, updated: 0 };
  const attempt = async (part: UserLine[]): Promise<void> => {
    if (part.length === 0) return;
    try {
      const { inserted, updated } = await store(part);
      stored.inserted += inserted;
      stored.updated += updated;
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      if (fateOf(cause) !== "data") throw error;
      if (part.length === 1) refused.set(part[0]!, `PostgreSQL refuses it: ${messageOf(cause)}`);
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

/** One statement, and so one transaction. `xmax` is 0 in a row that was not there before. */
async function upsert(sql: Postgres, users: UserLine[]): Promise<Stored> {
  const rows = await sql.unsafe(`${upsertSql} RETURNING (xmax = 0) AS inserted`, columnArrays(newestOfEach(users)), {
    prepare: true,
  });
  const inserted = rows.filter((row) => row.inserted).length;
  return { inserted, updated: rows.length - inserted };
}

/** No id twice, as the statement asks; of equal times the first stays, as it does in the table. */
function newestOfEach(users: UserLine[]): User[] {
  const newest = new Map<string, User>();
  for (const { user } of users) {
    const other = newest.get(user.id);
    if (!other || Date.parse(other.timestamp) < Date.parse(user.timestamp)) newest.set(user.id, user);
  }
  return [...newest.values()];
}

import { setTimeout as wait } from "node:timers/promises";
import type { Postgres } from "../../runtime/postgres.ts";

const everyMs = 500;

/**
 * Does `work` while no other command sweeps for the same topic: two of them would take each other's settings of topics and tables
 * for those to go back to. If one does, calls `whileTaken`, which has to wait for the turn. PostgreSQL keeps the turn, and ends it with
 * the connection of a command that was killed.
 */
export async function inTurn<T>(
  { sql, topic, stop }: { sql: Postgres; topic: string; stop: AbortSignal },
  work: () => Promise<T>,
  whileTaken: (wait: () => Promise<void>) => Promise<void>,
): Promise<T> {
  const session = await sql.reserve();
  const name = `forget ${topic}`;
  const take = async () => {
    const [row] = await session`SELECT pg_try_advisory_lock(hashtextextended(${name}, 0)) AS taken`;
    return row?.taken === true;
  };
  try {
    if (!(await take()))
      await whileTaken(async () => {
        // A statement that waits would keep its snapshot, and with it the deleted rows that VACUUM is to remove.
        while (!(await take())) await wait(everyMs, undefined, { signal: stop });
      });
    return await work();
  } finally {
    await session`SELECT pg_advisory_unlock(hashtextextended(${name}, 0))`.catch(() => {}); // it has ended with the connection
    session.release();
  }
}

import { idField, table } from "../../contract/entity.ts";
import { createSql, deletedTable, forgottenTable, hashSql } from "../../contract/tables.ts";
import type { Postgres } from "../../runtime/postgres.ts";
import { NotInTime, until } from "../../runtime/until.ts";
import { hasTable, slotState } from "../reconcile/postgres-rows.ts";

/** Something that is left to be done, and how. */
export interface Left {
  what: string;
  /** What to run, or until when to wait. */
  cure: string;
}

const isForgotten = `${hashSql(idField)} IN (SELECT hash FROM ${forgottenTable})`;
const ofForgotten = (name: string) => `FROM ${name} WHERE EXISTS (SELECT FROM ${forgottenTable}) AND ${isForgotten}`;

/** The ids that PostgreSQL has of those who were forgotten, in rows or in the list of deletions; null without the tables. */
export async function searchPostgres(sql: Postgres): Promise<string[] | null> {
  const [there] = await sql.unsafe(`SELECT to_regclass('${forgottenTable}') IS NOT NULL AS found`);
  if (!there?.found || !(await hasTable(sql))) return null;
  const selects = [table, deletedTable].map((name) => `SELECT ${idField} ${ofForgotten(name)}`);
  return (await sql.unsafe(selects.join(" UNION "))).map((row) => String(row[idField]));
}

/** Writes down who was forgotten, so that no later INSERT of `backup` stores them. */
export async function noteInPostgres(sql: Postgres, hashes: readonly string[], manageSchema: boolean): Promise<void> {
  const [there] = await sql.unsafe(`SELECT to_regclass('${forgottenTable}') IS NOT NULL AS found`);
  if (!there?.found && manageSchema) await sql.unsafe(createSql);
  await sql.unsafe(
    `INSERT INTO ${forgottenTable} SELECT decode(hash, 'hex'), now() FROM unnest($1::text[]) AS given (hash)
     ON CONFLICT DO NOTHING`,
    [hashes as string[]],
  );
}

const lockTimeoutMs = 20_000;

/**
 * Deletes the rows of those who were forgotten, and their ids from the list of deletions. Transactions that began before
 * they were noted end first.
 */
export async function deleteInPostgres(sql: Postgres): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction.unsafe(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    await transaction.unsafe(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    await transaction.unsafe(`DELETE ${ofForgotten(table)}`);
    await transaction.unsafe(`DELETE ${ofForgotten(deletedTable)}`);
  });
}

const slotWithinMs = 60_000;

/** Waits until the connector has sent what was deleted until now: it is a record of the change topic, with all values. */
export async function whenCaptured(sql: Postgres): Promise<Left | undefined> {
  const [end] = await sql`SELECT pg_current_wal_insert_lsn()::text AS lsn`;
  let last = await slotState(sql, end!.lsn);
  const isPassed = async () => {
    last = await slotState(sql, end!.lsn);
    return last === null || last.behindBytes === 0 || !last.isActive;
  };
  await until("the slot has passed the deletion", isPassed, { withinMs: slotWithinMs, everyMs: 250 }).catch(ignoreLate);
  if (!last || last.behindBytes === 0) return undefined;
  return {
    what: `the slot ${last.name} has not passed the deletion in PostgreSQL, so the change topic will have a record of it`,
    cure: "start the connector, and run this command again",
  };
}

const ignoreLate = (error: unknown) => {
  if (!(error instanceof NotInTime)) throw error;
};

/**
 * Rewrites the tables without the space of deleted rows, and without their values in PostgreSQL's statistics, and lets
 * the log of changes end where they are in it. What the role may not do is returned.
 */
export async function vacuumPostgres(sql: Postgres): Promise<Left[]> {
  const session = await sql.reserve();
  const left: Left[] = [];
  const attempt = async (statement: string, what: string) => {
    try {
      await session.unsafe(statement);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      left.push({ what: `${what} (PostgreSQL: ${why})`, cure: `as an administrator: ${statement};` });
    }
  };
  try {
    await session.unsafe(`SET lock_timeout = ${lockTimeoutMs}`);
    for (const name of [table, deletedTable])
      await attempt(`VACUUM (FULL, ANALYZE) ${name}`, `the files of ${name} still have deleted rows`);
    return left.length > 0 ? left : await endLog(sql, attempt, left);
  } finally {
    await session.unsafe("RESET lock_timeout").catch(() => {});
    session.release();
  }
}

const slotsWithinMs = 40_000;

type Attempt = (statement: string, what: string) => Promise<void>;

/**
 * Lets PostgreSQL remove the files of its log, and the old values in its statistics. These are a part of the catalogue, of which
 * slots keep what was deleted until they are past it; and rewriting them may log their old pages.
 */
async function endLog(sql: Postgres, attempt: Attempt, left: Left[]): Promise<Left[]> {
  await passLog(sql, attempt, left);
  await attempt("VACUUM FULL pg_statistic", "PostgreSQL's statistics still have deleted values");
  if (left.length === 0) await passLog(sql, attempt, left);
  const [setting] = await sql`SHOW wal_recycle`;
  if (setting?.wal_recycle === "on")
    left.push({
      what: "PostgreSQL overwrites old files of its log only when it uses them again",
      cure: "as an administrator: ALTER SYSTEM SET wal_recycle = off; SELECT pg_reload_conf(); then delete again",
    });
  return left;
}

/** Waits until no slot needs what was logged until now, and has the log's files removed. */
async function passLog(sql: Postgres, attempt: Attempt, left: Left[]): Promise<void> {
  const [end] = await sql`SELECT pg_current_wal_insert_lsn()::text AS lsn, pg_current_xact_id()::xid::text AS xid`;
  const log = "PostgreSQL's log (pg_wal) still has deleted rows";
  await attempt("SELECT pg_switch_wal()", log);
  await attempt("CHECKPOINT", log);
  if (left.length > 0) return;
  const arePast = async () => {
    const [row] = await sql`
      SELECT coalesce(bool_and(
        (restart_lsn IS NULL OR restart_lsn >= ${end!.lsn}::pg_lsn) AND
        (catalog_xmin IS NULL OR age(catalog_xmin) <= age(${end!.xid}::text::xid))
      ), true) AS past FROM pg_replication_slots`;
    if (!row?.past) await sql.unsafe("CHECKPOINT"); // slots advance at what it logs
    return row?.past;
  };
  const patience = { withinMs: slotsWithinMs, everyMs: 1_000 };
  await until("all slots are past the deletion", arePast, patience).catch(ignoreLate);
  if (!(await arePast()))
    left.push({
      what: `${log}: a replication slot needs it`,
      cure: "start what reads the slot, and run this command again",
    });
  await attempt("CHECKPOINT", log);
}

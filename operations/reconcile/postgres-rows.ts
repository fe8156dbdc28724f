import { idField, slot, table } from "../../contract/entity.ts";
import { deletedTable, quoted, userOf, writeTimeOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import type { Postgres } from "../../runtime/postgres.ts";

/** A row of the table; no user if a value has no form in the contract, such as an infinite time. */
export interface BackedUpRow {
  id: string;
  user: User | null;
  /** The row's own time, in microseconds. */
  timeMicros: number;
}

const columns = fields.map(({ name }) => quoted(name)).join(", ");
const pageRows = 1_000;

/** Whether there is a table to read. */
export const hasTable = async (sql: Postgres): Promise<boolean> =>
  (await sql`SELECT to_regclass(${table}) IS NOT NULL AS found`)[0]?.found === true;

/** Calls `each` with every row of the table as it is now. */
export async function scanBackedUp(sql: Postgres, each: (row: BackedUpRow) => void, stop?: AbortSignal): Promise<void> {
  for await (const rows of sql.unsafe(`SELECT ${columns} FROM ${table}`).cursor(pageRows)) {
    stop?.throwIfAborted();
    for (const row of rows) each(backedUpRow(row));
  }
}

/** PostgreSQL's side of some users, at one moment. */
export interface BackedUp {
  rows: ReadonlyMap<string, BackedUpRow>;
  /** When the rows that are not there were deleted, in microseconds. */
  deletedMicros: ReadonlyMap<string, number>;
  /** The end of PostgreSQL's log after that moment. */
  lsn: string;
}

export async function backedUpOf(sql: Postgres, ids: readonly string[]): Promise<BackedUp> {
  const [rows, deleted] = await sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", (transaction) => [
    transaction.unsafe(`SELECT ${columns} FROM ${table} WHERE ${idField} = ANY($1::uuid[])`, [ids as string[]]),
    transaction.unsafe(
      `SELECT ${idField}, (extract(epoch FROM deleted_at) * 1000000)::bigint AS micros FROM ${deletedTable}
       WHERE ${idField} = ANY($1::uuid[])`,
      [ids as string[]],
    ),
  ]);
  const [end] = await sql`SELECT pg_current_wal_insert_lsn()::text AS lsn`;
  return {
    rows: new Map(rows.map((row) => [String(row[idField]), backedUpRow(row)])),
    deletedMicros: new Map(deleted.map((row) => [String(row[idField]), Number(row.micros)])),
    lsn: end!.lsn,
  };
}

/** The replication slot through which changes of this database leave it. */
export interface SlotState {
  name: string;
  isActive: boolean;
  /** How far behind a position of the log it is, in bytes; 0 once it has passed it. */
  behindBytes: number;
}

/** The connector's slot, or else any of this database; null if there is none. */
export async function slotState(sql: Postgres, lsn: string): Promise<SlotState | null> {
  const [row] = await sql`
    SELECT slot_name, active, greatest(0, pg_wal_lsn_diff(${lsn}::pg_lsn, confirmed_flush_lsn))::bigint AS behind
    FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database()
    ORDER BY slot_name = ${slot} DESC, active DESC LIMIT 1`;
  return row ? { name: row.slot_name, isActive: row.active, behindBytes: Number(row.behind ?? 0) } : null;
}

function backedUpRow(row: Record<string, unknown>): BackedUpRow {
  const id = String(row[idField]);
  try {
    const user = userOf(row);
    return { id, user, timeMicros: writeTimeOf(user) };
  } catch {
    return { id, user: null, timeMicros: 0 };
  }
}

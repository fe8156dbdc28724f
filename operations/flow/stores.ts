import { idField, slot, table } from "../../contract/entity.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Postgres } from "../../runtime/postgres.ts";
import { splitRing } from "../../runtime/token-ranges.ts";

/** How many rows a table has: exact, or an estimate where counting would read too much. */
export interface Rows {
  of: number;
  isEstimate: boolean;
}

export interface PostgresFacts {
  rows: Rows;
  /** Rows inserted, changed and deleted since PostgreSQL began to count. */
  written: number;
  /** WAL that it keeps for the connector, in bytes; null without a slot. */
  slotLagBytes: number | null;
}

/** Above that, PostgreSQL's own estimate is taken. */
const maxCounted = 100_000;

/** Rows and writes of PostgreSQL's table. It is counted again only after a write. */
export function openPostgresLook(sql: Postgres): () => Promise<PostgresFacts> {
  let counted: { written: number; rows: Rows } | undefined;
  return async () => {
    const [stats] = await sql`
      SELECT greatest(s.n_live_tup, c.reltuples::bigint, 0) AS estimate,
             s.n_tup_ins + s.n_tup_upd + s.n_tup_del AS written,
             (SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint
              FROM pg_replication_slots WHERE slot_name = ${slot}) AS behind
      FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
      WHERE c.oid = to_regclass(${table})`;
    if (!stats) throw new Error(`it has no table ${table}`);
    const written = Number(stats.written);
    if (counted?.written !== written) counted = { written, rows: await countPostgres(sql, Number(stats.estimate)) };
    return { rows: counted.rows, written, slotLagBytes: stats.behind == null ? null : Number(stats.behind) };
  };
}

async function countPostgres(sql: Postgres, estimate: number): Promise<Rows> {
  if (estimate > maxCounted) return { of: estimate, isEstimate: true };
  const [row] = await sql`SELECT count(*) AS rows FROM (SELECT FROM ${sql(table)} LIMIT ${maxCounted + 1}) AS counted`;
  const rows = Number(row?.rows);
  return { of: rows, isEstimate: rows > maxCounted };
}

/** Parts of the ring that are counted: a larger one only if the one before had too few rows to tell. */
const parts = [1_024, 32, 1];
const enoughRows = 2_000;

/**
 * The rows of Cassandra's table: exact up to some ten thousand, and from the number in a part of the ring above that,
 * which is right within about 2 %, since the ids' tokens are spread evenly.
 */
async function countCassandra(cassandra: Cassandra, keyspace: string): Promise<Rows> {
  const cql = `SELECT count(*) AS rows FROM ${keyspace}.${table} WHERE token(${idField}) > ? AND token(${idField}) <= ?`;
  for (const part of parts) {
    const [range] = splitRing(part);
    const { rows } = await cassandra.execute(cql, [String(range!.after), String(range!.upTo)]);
    const count = Number(rows[0]?.rows);
    if (part === 1) return { of: count, isEstimate: false };
    if (count >= enoughRows) return { of: count * part, isEstimate: true };
  }
  throw new Error("unreachable");
}

/** The rows are counted again after this long if something was stored, and after a while in any case, in milliseconds. */
const [countAfterMs, countAnywayAfterMs] = [10_000, 60_000];

/** Cassandra's rows; `stored` is what the consumer has stored. */
export function openCassandraLook(cassandra: Cassandra, keyspace: string) {
  let last: { cassandra: Rows & { countedMs: number }; stored: number | undefined } | undefined;
  return async (stored: number | undefined) => {
    const age = Date.now() - (last?.cassandra.countedMs ?? 0);
    if (!last || age > countAnywayAfterMs || (age > countAfterMs && stored !== last.stored)) {
      const rows = await countCassandra(cassandra, keyspace);
      last = { cassandra: { ...rows, countedMs: Date.now() }, stored };
    }
    return { cassandra: last.cassandra };
  };
}

import { table } from "../contract/entity.ts";
import {
  type CassandraState,
  columnsSql,
  isTrackedSql,
  lockedBySql,
  type Plan,
  type PostgresState,
  planCassandra,
  planPostgres,
  type Refusal,
  type Step,
} from "../contract/migration.ts";
import type { Cassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { NeedsAdministrator } from "../runtime/missing.ts";
import { operatorCommand } from "../runtime/operator-command.ts";
import type { Postgres } from "../runtime/postgres.ts";

/** How a table compares with the contract, and what was done about it. */
export interface TableReport {
  store: "Cassandra" | "PostgreSQL";
  /** With its keyspace. */
  table: string;
  added: Step[];
  /** What it still lacks: not added if `apply` is false, or if anything is refused. */
  missing: Step[];
  refused: Refusal[];
  unknown: string[];
}

/** Whether to add what is missing. */
interface Options {
  apply: boolean;
}

/** A table that this version cannot work with; the message names each difference and what to do. */
export class UnfitTable extends NeedsAdministrator {
  override name = "UnfitTable";
}

/**
 * How long a change waits for its lock on the table before it is attempted again, in milliseconds. While it waits, every
 * later statement on the table waits behind it.
 */
const lockTimeoutMs = 1_000;

/**
 * Adds to keyspace, table and index what they lack of the contract. Repeating it, also after it was killed, changes
 * nothing more; without anything to add it executes no DDL.
 */
export async function migrateCassandra(
  client: Cassandra,
  { cassandra }: Pick<Config, "cassandra">,
  { apply }: Options,
): Promise<TableReport> {
  const plan = planCassandra(await cassandraState(client, cassandra.keyspace), cassandra);
  const report = reportOf("Cassandra", `${cassandra.keyspace}.${table}`, plan);
  if (!apply || report.refused.length > 0) return report;
  // The driver waits after each statement until all nodes agree on the schema.
  for (const { statement } of plan.steps) await client.execute(statement, [], { prepare: false });
  return { ...report, added: plan.steps, missing: [] };
}

/**
 * Adds to the table and its tracking of deletions what they lack of the contract, in one transaction. Without anything
 * to add it executes no DDL and takes no lock.
 * @throws PostgreSQL's error 55P03 (transient), naming who holds the lock, if the table is locked for longer
 */
export async function migratePostgres(sql: Postgres, { apply }: Options): Promise<TableReport> {
  const plan = planPostgres(await postgresState(sql));
  const report = reportOf("PostgreSQL", table, plan);
  if (!apply || report.refused.length > 0 || plan.steps.length === 0) return report;
  const statements = plan.steps.map(({ statement }) => statement).join("\n");
  try {
    await sql.begin((transaction) =>
      transaction.unsafe(`SET LOCAL lock_timeout = '${lockTimeoutMs}ms';\n${statements}`),
    );
  } catch (error) {
    if ((error as { code?: unknown }).code !== "55P03") throw error;
    throw Object.assign(new Error(`${table} is locked by ${await lockHolders(sql)}`, { cause: error }), {
      code: "55P03",
    });
  }
  return { ...report, added: plan.steps, missing: [] };
}

/** Logs what was added, and warns about columns that are not in the contract: they do not stop a program. */
export function logMigration({ store, table, added, unknown }: TableReport, log: Log): void {
  for (const { what } of added) log.info("schema changed", { store, table, added: what });
  if (unknown.length > 0)
    log.warn("columns that this version does not know: it leaves them as they are", { store, table, columns: unknown });
}

/** @throws UnfitTable unless the table has everything the contract needs */
export function expectFit(report: TableReport): void {
  const { store, table, missing, refused } = report;
  const lacks = missing.map(({ what, statement }) => `${what} is missing: ${statement.replaceAll(/\s+/g, " ")}`);
  const faults = refused.length > 0 ? refused.map(({ why }) => why) : lacks;
  if (faults.length === 0) return;
  const cure =
    refused.length > 0 ? "" : ` Run ${operatorCommand("migrate")}, or have an administrator run these statements.`;
  throw new UnfitTable(`${store}'s ${table} does not match the contract: ${faults.join("; ")}.${cure}`);
}

const reportOf = (store: TableReport["store"], table: string, { steps, refused, unknown }: Plan): TableReport => ({
  store,
  table,
  added: [],
  missing: steps,
  refused,
  unknown,
});

async function cassandraState(client: Cassandra, keyspace: string): Promise<CassandraState> {
  const ask = async (what: string, from: string, where = "", more: string[] = []) =>
    (
      await client.execute(
        `SELECT ${what} FROM system_schema.${from} WHERE keyspace_name = ? ${where}`,
        [keyspace, ...more],
        { prepare: false },
      )
    ).rows;
  const ofTable = "AND table_name = ?";
  return {
    hasKeyspace: (await ask("keyspace_name", "keyspaces")).length > 0,
    columns: (await ask("column_name AS name, type", "columns", ofTable, [table])).map(({ name, type }) => ({
      name,
      type,
    })),
    indexes: (await ask("index_name AS name", "indexes", ofTable, [table])).map(({ name }) => name),
  };
}

async function postgresState(sql: Postgres): Promise<PostgresState> {
  const columns = await sql.unsafe<PostgresState["columns"][number][]>(columnsSql);
  return { columns: [...columns], isTracked: (await sql.unsafe(isTrackedSql)).length > 0 };
}

async function lockHolders(sql: Postgres): Promise<string> {
  const holders = await sql.unsafe<{ pid: number; name: string; since: Date }[]>(lockedBySql);
  const shown = holders.map(({ pid, name, since }) => `process ${pid} (${name}, since ${since?.toISOString?.()})`);
  return shown.length > 0 ? `${shown.join(", ")}; wait for its transaction, or end it` : "a transaction just ended";
}

import { types } from "cassandra-driver";
import { idField, table } from "../../contract/entity.ts";
import { deleteCql } from "../../contract/tables.ts";
import { pagesOf } from "../../runtime/cassandra/pages.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { until } from "../../runtime/until.ts";
import type { Forgotten } from "../../stream/forgotten/forgotten.ts";
import { mark } from "../rebuild/target.ts";

const pageRows = 5_000;

type Settings = Pick<Config, "cassandra" | "consumer">;

/** The keyspaces that have the table: the one in use, and those that `rebuild` has written; and their `gc_grace_seconds`. */
export async function tablesOf(cassandra: Cassandra, { cassandra: { keyspace } }: Settings) {
  const all = "SELECT keyspace_name, table_name, comment, gc_grace_seconds FROM system_schema.tables";
  const { rows } = await cassandra.execute(all, [], { prepare: false, fetchSize: 5_000 });
  return rows
    .filter((row) => row.table_name === table && (row.keyspace_name === keyspace || row.comment === mark))
    .map((row) => ({ keyspace: String(row.keyspace_name), graceSeconds: Number(row.gc_grace_seconds) }));
}

/** The rows of those who were forgotten, by keyspace. */
export async function searchCassandra(cassandra: Cassandra, config: Settings, forgotten: Forgotten) {
  const found = new Map<string, string[]>();
  for (const { keyspace } of await tablesOf(cassandra, config)) {
    const ids: string[] = [];
    for await (const rows of pagesOf(cassandra, `SELECT ${idField} FROM ${keyspace}.${table}`, [], { pageRows }))
      ids.push(...rows.map((row) => String(row[idField])).filter((id) => forgotten.has(id)));
    found.set(keyspace, ids);
  }
  return found;
}

/** Deletes rows so that nothing wins that a consumer still has in hand: it refuses write times further ahead. */
export async function deleteInCassandra(
  cassandra: Cassandra,
  keyspace: string,
  ids: readonly string[],
  config: Settings,
) {
  const micros = types.Long.fromNumber((Date.now() + config.consumer.maxAheadMs) * 1_000);
  for (const id of ids) await cassandra.execute(deleteCql(keyspace), [micros, id]);
}

/** The compaction settings of a table. */
type Compaction = Record<string, string>;

/** Sizes below a terabyte count as equal, and two files are enough: the next flush has all files rewritten as one. */
const compactAll: Compaction = {
  class: "SizeTieredCompactionStrategy",
  min_threshold: "2",
  max_threshold: "10000",
  min_sstable_size: String(2 ** 40),
};
const compactedWithinMs = 600_000;

/** Whether this command may compact a table by its settings: of a cluster, all nodes would do so at once. */
export const isSingleNode = (cassandra: Cassandra) => cassandra.hosts.length === 1;

/**
 * Lets a single node rewrite the files of a table: without what was deleted, and without the deletions that are older
 * than `gc_grace_seconds`; and its commit log. There is no statement for this, but the table's settings say when Cassandra
 * does it by itself, and dropping a table makes it write all others to disk and begin a new file of the log. `keep` is
 * called with the settings as they were, `kept` are those that an interrupted call has left.
 */
export async function compactCassandra(
  cassandra: Cassandra,
  keyspace: string,
  kept: Compaction | undefined,
  keep: (compaction: Compaction | undefined) => Promise<void>,
): Promise<void> {
  const run = (statement: string) => cassandra.execute(statement, [], { prepare: false });
  const set = (compaction: Compaction) => {
    const entries = Object.entries(compaction).map(([name, value]) => `'${name}': '${value}'`);
    return run(`ALTER TABLE ${keyspace}.${table} WITH compaction = {${entries.join(", ")}}`);
  };
  const before = kept ?? (await compactionOf(cassandra, keyspace));
  await keep(before);
  let sinceMs = 0;
  try {
    await set(compactAll);
    // Two files, each with the deletion of a row that never was, so that there is something to compact.
    for (let flush = 0; flush < 2; flush++) {
      sinceMs = Number((await run("SELECT to_timestamp(now()) AS now FROM system.local")).first()?.now);
      await cassandra.execute(deleteCql(keyspace), [types.Long.fromNumber(sinceMs * 1_000), crypto.randomUUID()]);
      await run(`CREATE TABLE IF NOT EXISTS ${keyspace}.commit_log_ends (id int PRIMARY KEY)`);
      await run(`DROP TABLE IF EXISTS ${keyspace}.commit_log_ends`);
    }
    const isDone = () => isCompacted(cassandra, keyspace, sinceMs);
    await until(`${keyspace}.${table} is compacted`, isDone, { withinMs: compactedWithinMs, everyMs: 250 });
  } finally {
    await set(before);
    await keep(undefined);
  }
}

async function compactionOf(cassandra: Cassandra, keyspace: string): Promise<Compaction> {
  const query = "SELECT compaction FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?";
  const { rows } = await cassandra.execute(query, [keyspace, table], { prepare: false });
  return (rows[0]?.compaction ?? {}) as Compaction;
}

/** Whether a compaction has ended since, and none is running. */
async function isCompacted(cassandra: Cassandra, keyspace: string, sinceMs: number): Promise<boolean> {
  const rowsOf = async (what: string, from: string) =>
    (await cassandra.execute(`SELECT ${what} FROM ${from}`, [], { prepare: false })).rows;
  const running = await rowsOf("keyspace_name, table_name", "system_views.sstable_tasks");
  if (running.some((row) => row.keyspace_name === keyspace && row.table_name === table)) return false;
  const ended = await rowsOf("keyspace_name, columnfamily_name, compacted_at", "system.compaction_history");
  return ended.some(
    (row) => row.keyspace_name === keyspace && row.columnfamily_name === table && Number(row.compacted_at) >= sinceMs,
  );
}

/** What an administrator runs on every node instead. */
export const compactionCommands = (keyspaces: readonly string[]) =>
  keyspaces
    .map((keyspace) => `nodetool flush ${keyspace} ${table} && nodetool compact ${keyspace} ${table}`)
    .join("; ");

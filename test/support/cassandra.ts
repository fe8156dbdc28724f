import { table } from "../../contract/entity.ts";
import { userOf } from "../../contract/tables.ts";
import { fields, type User } from "../../contract/user.ts";
import { type Cassandra, isTransient, openCassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { openLog } from "../../runtime/log.ts";
import { retry } from "../../runtime/retry.ts";

/** How long to wait for Cassandra while it is restarting or overloaded. */
const patienceMs = 120_000;

/** Runs `work` with a client, retrying on transient errors, and closes the client. */
export async function withCassandra<T>(
  config: Pick<Config, "cassandra">,
  work: (client: Cassandra) => Promise<T>,
): Promise<T> {
  const client = openCassandra(config, "test");
  try {
    return await retry(() => work(client), {
      what: "ask Cassandra",
      while: isTransient,
      stop: AbortSignal.timeout(patienceMs),
      log: openLog("test", "error"),
    });
  } finally {
    await client.shutdown();
  }
}

/** All rows of the table by id. */
export function readRows(config: Pick<Config, "cassandra">): Promise<Map<string, User>> {
  return withCassandra(config, async (client) => {
    const rows = new Map<string, User>();
    const all = await client.execute(`SELECT * FROM ${config.cassandra.keyspace}.${table}`, [], { fetchSize: 5_000 });
    for await (const row of all) {
      const user = userOf(row);
      rows.set(user.id, user);
    }
    return rows;
  });
}

/** The write time of every column of every row, in microseconds, as text; null for a column without a value. */
export function readWriteTimes(config: Pick<Config, "cassandra">): Promise<Map<string, Record<string, string | null>>> {
  const columns = fields.map(({ name }) => name).filter((name) => name !== "id");
  return withCassandra(config, async (client) => {
    const times = new Map<string, Record<string, string | null>>();
    const selected = columns.map((name) => `writetime(${name}) AS ${name}`).join(", ");
    const all = await client.execute(`SELECT id, ${selected} FROM ${config.cassandra.keyspace}.${table}`, [], {
      fetchSize: 5_000,
    });
    for await (const row of all)
      times.set(
        String(row.id),
        Object.fromEntries(columns.map((name) => [name, row[name] === null ? null : String(row[name])])),
      );
    return times;
  });
}

/** Drops a test's own keyspace. */
export function dropKeyspace(config: Pick<Config, "cassandra">): Promise<void> {
  return withCassandra(config, async (client) => {
    await client.execute(`DROP KEYSPACE IF EXISTS ${config.cassandra.keyspace}`, [], { prepare: false });
  });
}

/**
 * Change data capture on the running stack: the time from a commit in PostgreSQL to the row being readable in Cassandra,
 * for single rows and for a burst of 20,000 rows changed by one statement. `bun bench/cdc.ts` needs a running stack with
 * its connector registered (`bun run demo`); it inserts its own rows into `created_users` and deletes them at the end.
 */

import Table from "cli-table3";
import { table } from "../contract/entity.ts";
import { changeable, validUsers } from "../contract/samples.ts";
import { columnArrays, selectCql, upsertSql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { type Cassandra, openCassandra } from "../runtime/cassandra.ts";
import { openPostgres, type Postgres } from "../runtime/postgres.ts";
import { type Config, loadConfig } from "../sources/config.ts";
import { environmentOf } from "../stack/environment.ts";
import { openInstance } from "../stack/instance.ts";
import { quantile } from "./quantile.ts";

const { text } = changeable;
const singles = 300;
/** Warm-up, not counted. */
const uncounted = 50;
const pauseMs = 50;
const burstRows = 20_000;
const bursts = 4;
const targets = { p50: 60, p99: 250, rowsPerSecond: 5_000 };

async function main() {
  const config = loadConfig({ ...process.env, ...environmentOf(await openInstance()) });
  const sql = openPostgres(config.postgres.url, 2);
  const cassandra = openCassandra(config, "bench");
  const users = Array.from({ length: burstRows }, () => ({ ...(validUsers[0] as User), id: crypto.randomUUID() }));
  try {
    await sql.unsafe(upsertSql, columnArrays(users) as never);
    await readable(cassandra, config, users.at(-1)!.id, (user) => user !== undefined);
    const latencies = await oneAtATime(sql, cassandra, config, users.slice(0, singles));
    const rates: number[] = [];
    for (let burst = 0; burst < bursts; burst++) rates.push(await applyBurst(sql, cassandra, config, users, burst));
    print(latencies, rates);
  } finally {
    for (let start = 0; start < users.length; start += 5_000)
      await sql`DELETE FROM ${sql(table)} WHERE id IN ${sql(users.slice(start, start + 5_000).map(({ id }) => id))}`;
    await readable(cassandra, config, users.at(-1)!.id, (user) => user === undefined);
    await sql.end({ timeout: 1 });
    await cassandra.shutdown();
  }
}

/** Milliseconds from sending the UPDATE, including PostgreSQL's work and commit, to reading the new value. */
async function oneAtATime(sql: Postgres, cassandra: Cassandra, config: Config, users: readonly User[]) {
  const latencies: number[] = [];
  for (const [index, { id }] of users.entries()) {
    const name = `Single ${index}`;
    const sent = performance.now();
    await sql`UPDATE ${sql(table)} SET ${sql(text)} = ${name} WHERE id = ${id}`;
    await readable(cassandra, config, id, (user) => user?.[text] === name);
    latencies.push(performance.now() - sent);
    await Bun.sleep(pauseMs);
  }
  return latencies.slice(uncounted).sort((a, b) => a - b);
}

/** Rows per second from the commit of one statement to its last row being readable; then checks every row. */
async function applyBurst(sql: Postgres, cassandra: Cassandra, config: Config, users: readonly User[], burst: number) {
  const name = `Burst ${burst}`;
  // PostgreSQL logs the rows in storage order, and the topic keeps that order.
  const changed = await sql`
    UPDATE ${sql(table)} SET ${sql(text)} = ${name} WHERE ${sql(text)} <> ${name} AND id = ANY(${users.map(({ id }) => id)})
    RETURNING id`;
  const committed = performance.now();
  await readable(cassandra, config, String(changed.at(-1)!.id), (user) => user?.[text] === name, 10);
  const seconds = (performance.now() - committed) / 1_000;
  for (let start = 0; start < users.length; start += 200)
    await Promise.all(
      users.slice(start, start + 200).map(({ id }) => readable(cassandra, config, id, (user) => user?.[text] === name)),
    );
  return changed.length / seconds;
}

async function readable(
  cassandra: Cassandra,
  { cassandra: { keyspace } }: Config,
  id: string,
  is: (user?: User) => boolean,
  everyMs = 1,
) {
  const query = selectCql(keyspace);
  for (;;) {
    const row = (await cassandra.execute(query, [id])).first() as unknown as User | null;
    if (is(row ?? undefined)) return;
    await Bun.sleep(everyMs);
  }
}

function print(latencies: number[], rates: number[]) {
  const best = rates.toSorted((a, b) => a - b).at(-1)!;
  const out = new Table({ head: ["metric", "measured", "target"], style: { head: [], border: [], compact: true } });
  out.push(
    ["commit → readable, median", `${quantile(latencies, 0.5).toFixed(1)} ms`, `${targets.p50} ms`],
    ["commit → readable, p99", `${quantile(latencies, 0.99).toFixed(1)} ms`, `${targets.p99} ms`],
    ...rates.map((rate, index) => [`burst ${index + 1} of ${burstRows} rows`, `${Math.round(rate)} rows/s`, ""]),
    ["best burst", `${Math.round(best)} rows/s`, `${targets.rowsPerSecond} rows/s`],
  );
  console.log(out.toString());
}

await main();

/**
 * Change data capture on the running stack: the time from a commit in PostgreSQL to the row being readable in Cassandra,
 * for single rows and for a burst of 20,000 rows changed by one statement, and what a row of a burst costs each program.
 * `bun bench/cdc.ts` needs a running stack with its connector registered (`bun run demo`); it inserts its own rows into
 * `created_users` and deletes them at the end.
 */
import { table } from "../contract/entity.ts";
import { changeable, validUsers } from "../contract/samples.ts";
import { columnArrays, selectCql, upsertSql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { type Cassandra, openCassandra } from "../runtime/cassandra.ts";
import { openPostgres, type Postgres } from "../runtime/postgres.ts";
import { tableText } from "../runtime/table.ts";
import { type Config, loadConfig } from "../sources/config.ts";
import { environmentOf } from "../stack/environment.ts";
import { openInstance } from "../stack/instance.ts";
import { supervisorOf } from "../stack/supervisor/client.ts";
import { measureTree } from "./process-tree.ts";
import { quantile } from "./quantile.ts";

const { text } = changeable;
const singles = 300;
/** Warm-up, not counted. */
const uncounted = 50;
const pauseMs = 50;
const burstRows = 20_000;
const bursts = 4;
const programs = ["postgres", "connect", "kafka", "consumer", "cassandra"];
const targets = { p50: 60, p99: 250, rowsPerSecond: 5_000 };

/** A burst: when the rows at these places of it were readable, and what a row cost each program. */
interface Burst {
  p50Seconds: number;
  p99Seconds: number;
  rowsPerSecond: number;
  /** CPU microseconds a row, of the programs in their order. */
  cpuMicros: number[];
}

async function main() {
  const stack = await openInstance();
  const config = loadConfig({ ...process.env, ...environmentOf(stack) });
  const pids: number[] = [];
  for (const name of programs) pids.push((await supervisorOf(stack).state(name)).pid);
  const sql = openPostgres(config.postgres.url, 2);
  const cassandra = openCassandra(config, "bench");
  const users = Array.from({ length: burstRows }, () => ({ ...(validUsers[0] as User), id: crypto.randomUUID() }));
  try {
    await sql.unsafe(upsertSql, columnArrays(users) as never);
    await readable(cassandra, config, users.at(-1)!.id, (user) => user !== undefined);
    const latencies = await oneAtATime(sql, cassandra, config, users.slice(0, singles));
    const measured: Burst[] = [];
    for (let burst = 0; burst < bursts; burst++)
      measured.push(await applyBurst(sql, cassandra, config, users, { burst, pids }));
    print(latencies, measured);
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

/** From the commit of one statement until its rows are readable; then checks every row. */
async function applyBurst(
  sql: Postgres,
  cassandra: Cassandra,
  config: Config,
  users: readonly User[],
  { burst, pids }: { burst: number; pids: readonly number[] },
): Promise<Burst> {
  const name = `Burst ${burst}`;
  // PostgreSQL logs the rows in storage order, and the topic keeps that order.
  const changed = await sql`
    UPDATE ${sql(table)} SET ${sql(text)} = ${name} WHERE ${sql(text)} <> ${name} AND id = ANY(${users.map(({ id }) => id)})
    RETURNING id`;
  const committed = performance.now();
  const before = pids.map((pid) => measureTree(pid).cpuSeconds);
  const secondsUntil = async (share: number) => {
    const { id } = changed[Math.ceil(share * changed.length) - 1]!;
    await readable(cassandra, config, String(id), (user) => user?.[text] === name, 10);
    return (performance.now() - committed) / 1_000;
  };
  const [p50Seconds, p99Seconds, seconds] = [await secondsUntil(0.5), await secondsUntil(0.99), await secondsUntil(1)];
  const cpuSeconds = pids.map((pid, index) => measureTree(pid).cpuSeconds - before[index]!);
  for (let start = 0; start < users.length; start += 200)
    await Promise.all(
      users.slice(start, start + 200).map(({ id }) => readable(cassandra, config, id, (user) => user?.[text] === name)),
    );
  const cpuMicros = cpuSeconds.map((cpu) => (1e6 * cpu) / changed.length);
  return { p50Seconds, p99Seconds, rowsPerSecond: changed.length / seconds, cpuMicros };
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

function print(latencies: number[], measured: Burst[]) {
  const best = Math.max(...measured.map(({ rowsPerSecond }) => rowsPerSecond));
  console.log(
    tableText(
      ["metric", "measured", "target"],
      [
        ["commit → readable, median", `${quantile(latencies, 0.5).toFixed(1)} ms`, `${targets.p50} ms`],
        ["commit → readable, p99", `${quantile(latencies, 0.99).toFixed(1)} ms`, `${targets.p99} ms`],
        ["best burst", `${Math.round(best)} rows/s`, `${targets.rowsPerSecond} rows/s`],
      ],
    ),
  );
  const head = [
    `burst of ${burstRows} rows`,
    "rows/s",
    "p50, s",
    "p99, s",
    ...programs.map((name) => `${name}, CPU µs`),
  ];
  const rows = measured.map(({ rowsPerSecond, p50Seconds, p99Seconds, cpuMicros }, index) => [
    index + 1,
    Math.round(rowsPerSecond),
    p50Seconds.toFixed(2),
    p99Seconds.toFixed(2),
    ...cpuMicros.map(Math.round),
  ]);
  console.log(tableText(head, rows));
}

await main();

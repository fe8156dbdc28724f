/**
 * What the indexes for the API's searches cost when rows are written: the consumer's own way of writing, into tables that
 * differ only in their indexes, in alternating rounds so that all run under the same conditions. Then how long a search
 * takes. `bun bench/indexes.ts` needs a running stack.
 */
import Table from "cli-table3";
import { searchFields, table } from "../contract/entity.ts";
import { createCql, writeTimeOf } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { holdersOf } from "../operations/processes.ts";
import { openUserPages } from "../operations/users/pages.ts";
import { type Cassandra, openCassandra } from "../runtime/cassandra.ts";
import { openLog } from "../runtime/log.ts";
import { loadConfig } from "../sources/config.ts";
import { openSink } from "../stream/cassandra/sink.ts";
import { makeUsers } from "./corpus.ts";
import { measureTree } from "./process-tree.ts";
import { quantile } from "./quantile.ts";

const rows = 100_000;
const sliceRows = 1_024;
const rounds = 3;
/** Warm up Cassandra's JVM: freshly started, it uses twice the CPU per row. */
const warmUps = 2;

const config = loadConfig();
const [contactPoint = ""] = config.cassandra.contactPoints;
const port = Number(contactPoint.split(":")[1] ?? 9042);
const log = openLog("bench", "warning");
const counter = { inc: () => {} };
const metrics = { writeSeconds: { startTimer: () => () => 0 }, retries: counter };

interface Candidate {
  indexes: number;
  keyspace: string;
  rates: number[];
  /** CPU seconds of this process and of Cassandra. */
  cpu: { client: number; cassandra: number };
}

async function main() {
  const cassandra = openCassandra(config, "bench");
  const stamp = Date.now().toString(36);
  const counts = [...new Set([0, 1, searchFields.length])];
  const candidates = counts.map((indexes): Candidate => {
    return { indexes, keyspace: `bench_indexes_${indexes}_${stamp}`, rates: [], cpu: { client: 0, cassandra: 0 } };
  });
  try {
    for (const one of candidates) await createTable(cassandra, one);
    const users = makeUsers(rows).map(named);
    for (let round = 1 - warmUps; round <= rounds; round++)
      for (const one of candidates) await write(cassandra, one, users, round > 0);
    print(candidates);
    await search(cassandra, candidates.at(-1)!, users);
  } finally {
    for (const { keyspace } of candidates)
      await cassandra.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { prepare: false });
    await cassandra.shutdown();
  }
}

/** With values of their own in all but the first two fields, as e-mail addresses and names of accounts are. */
const named = (user: User, index: number): User => ({
  ...user,
  ...Object.fromEntries(searchFields.slice(2).map((name) => [name, `${index}.${user[name]}`])),
});

async function createTable(cassandra: Cassandra, { keyspace, indexes }: Candidate) {
  const [createKeyspace, createUsers, ...createIndexes] = createCql(keyspace, config.cassandra.localDataCenter, 1);
  for (const statement of [createKeyspace, createUsers, ...createIndexes.slice(0, indexes)])
    await cassandra.execute(statement, [], { prepare: false });
}

const ownCpu = () => measureTree(process.pid).cpuSeconds;
const cassandraCpu = () => measureTree(holdersOf([port]).get(port)?.pid ?? 0).cpuSeconds;

async function write(cassandra: Cassandra, one: Candidate, users: readonly User[], isMeasured: boolean) {
  await cassandra.execute(`TRUNCATE ${one.keyspace}.${table}`, [], { prepare: false });
  const sink = openSink({ cassandra, keyspace: one.keyspace, metrics, log });
  const message = { key: null, value: null, offset: "0", timestamp: "0" };
  const writes = users.map((user) => {
    return { message, change: { kind: "upsert" as const, user, writeTimeMicros: writeTimeOf(user) } };
  });
  const [beganMs, own, others] = [performance.now(), ownCpu(), cassandraCpu()];
  for (let start = 0; start < writes.length; start += sliceRows)
    await sink.write(writes.slice(start, start + sliceRows), new AbortController().signal);
  const rate = rows / ((performance.now() - beganMs) / 1_000);
  console.error(`${one.indexes} indexes: ${Math.round(rate)} rows/s`);
  if (!isMeasured) return;
  one.rates.push(rate);
  one.cpu.client += ownCpu() - own;
  one.cpu.cassandra += cassandraCpu() - others;
}

function print(candidates: readonly Candidate[]) {
  const printed = new Table({
    head: ["indexes", "rows/s", "CPU µs per row, client", "Cassandra"],
    style: { head: [], border: [] },
  });
  const perRow = (seconds: number) => ((seconds / (rounds * rows)) * 1e6).toFixed(1);
  for (const { indexes, rates, cpu } of candidates)
    printed.push([
      indexes,
      Math.round(
        quantile(
          rates.toSorted((a, b) => a - b),
          0.5,
        ),
      ),
      perRow(cpu.client),
      perRow(cpu.cassandra),
    ]);
  console.log(printed.toString());
}

/** How long the first page of a search takes, by what is searched. */
async function search(cassandra: Cassandra, { keyspace }: Candidate, users: readonly User[]) {
  const query = (cql: string, parameters: unknown[], options = {}) => cassandra.execute(cql, parameters, options);
  const pages = openUserPages(query, keyspace);
  for (const names of [...searchFields.map((name) => [name]), [...searchFields.slice(0, 2)]]) {
    const took: number[] = [];
    let found = 0;
    for (const user of users.slice(0, 500)) {
      const began = performance.now();
      found += (await pages.search(Object.fromEntries(names.map((name) => [name, user[name]])), 50)).users.length;
      took.push(performance.now() - began);
    }
    took.sort((a, b) => a - b);
    const figures = [0.5, 0.99].map((share) => `${quantile(took, share).toFixed(2)} ms`);
    console.log(`search by ${names.join(" and ")}: ${figures.join(" median, ")} p99, ${found / 500} users on average`);
  }
}

await main();
process.exit(0);

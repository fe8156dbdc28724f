/**
 * How cost grows with the number of users: the consumer's rate, memory, the API's lists, `reconcile`, `where`, restarts
 * and disk, for as many users as are given, each time after adding to those before, and the shape of each curve.
 * `bun bench/growth.ts [--users 100000,1000000] [--json]` needs a running stack, whose Cassandra, Kafka and PostgreSQL
 * it restarts, and an otherwise idle machine.
 *
 * The users are in a keyspace, a topic and a schema of their own; their changes in PostgreSQL are not captured.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { idField, namingFields, searchFields, table } from "../contract/entity.ts";
import { columnArrays, upsertSql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { tableText } from "../runtime/table.ts";
import { until } from "../runtime/until.ts";
import { openInstance } from "../stack/instance.ts";
import { servicesOf } from "../stack/services/catalogue.ts";
import { readyWithinMs } from "../stack/services/service.ts";
import { supervisorOf } from "../stack/supervisor/client.ts";
import { type StartedApi, startApi } from "../test/support/api.ts";
import { timeOperate } from "./command.ts";
import { distinct, makeUsers, openUserProducer } from "./corpus.ts";
import { startConsumer } from "./own-consumer.ts";
import { type OwnStores, openOwnStores } from "./own-stores.ts";
import { measureTree } from "./process-tree.ts";
import { quantile } from "./quantile.ts";

const { values: given } = parseArgs({
  options: { users: { type: "string", default: "100000,1000000" }, json: { type: "boolean", default: false } },
});
const sizes = given.users.split(",").map(Number);

/** How many rows the rate is measured with: the last of each size. */
const measured = 50_000;
const warmUpRows = 200_000;
const part = 10_000;
const templates = makeUsers(part);

/** The first users have the same value in a field, and so have those after them, in another field if there is one. */
const [few, many] = [100, 10_000];
const alike = few + many;
const [byMany, byFew = byMany]: readonly (typeof searchFields)[number][] = searchFields;
const maxPage = 500;

/** Figures of one size, by what they are of. */
type Figures = Record<string, number>;

const stack = await openInstance();
const supervisor = supervisorOf(stack);

async function main() {
  if (!(sizes[0]! >= measured + alike) || sizes.some((size, index) => size <= (sizes[index - 1] ?? 0)))
    throw new Error(`--users takes ascending numbers, the first of at least ${measured + alike}`);
  const name = `bench_growth_${Date.now().toString(36)}`;
  const log = openLog("bench", "warning");
  const more = { CDC_APPLY: "false" };
  await warmUp(`${name}_warm`, log, more);
  const stores = await openOwnStores(name, log, more);
  const results: Figures[] = [];
  try {
    for (const [index, size] of sizes.entries()) {
      results.push(await measureAt(stores, sizes[index - 1] ?? 0, size));
      if (!given.json) print(results);
    }
    if (given.json) console.log(JSON.stringify({ sizes, results }));
  } finally {
    await stores.drop();
  }
}

/** Compiles Cassandra's code: freshly started, it uses twice the CPU per row. */
async function warmUp(name: string, log: Log, more: Record<string, string>) {
  const stores = await openOwnStores(name, log, more);
  const producer = await openUserProducer(stores.config, log);
  try {
    await addUsers(stores, producer, { from: alike, to: alike + warmUpRows });
  } finally {
    await producer.close();
    await stores.drop();
  }
}

async function measureAt(stores: OwnStores, before: number, users: number): Promise<Figures> {
  const log = openLog("bench", "warning");
  const producer = await openUserProducer(stores.config, log);
  try {
    await addUsers(stores, producer, { from: before, to: users - measured });
    const figures = await drain(stores, producer, { from: users - measured, to: users });
    const api = await startApi(stores.env);
    await measureApi(stores, api, figures).finally(() => api.signal("SIGTERM"));
    await measureCommands(stores, figures);
    await measureMemory(figures);
    await measureRestarts(stores, figures);
    await measureDisk(stores, figures);
    return figures;
  } finally {
    await producer.close();
  }
}

type Users = { from: number; to: number };
type Producer = Awaited<ReturnType<typeof openUserProducer>>;

/** Puts users into PostgreSQL and the topic while a consumer stores them, and resolves once it has stored them all. */
async function addUsers(stores: OwnStores, producer: Producer, { from, to }: Users) {
  if (to <= from) return;
  const consumer = await startConsumer(stores.env);
  try {
    await produce(stores, producer, { from, to });
    await consumer.drained(to - from);
  } finally {
    await consumer.stop();
  }
}

async function produce({ sql }: OwnStores, producer: Producer, { from, to }: Users) {
  for (let start = from; start < to; start += part) {
    const users = templates.slice(0, to - start).map((user, index) => marked(distinct(user), start + index));
    await Promise.all([producer.send(users), sql.unsafe(upsertSql, columnArrays(users) as never)]);
    process.stderr.write(`\r${start + users.length} users are in PostgreSQL and the topic`);
  }
  process.stderr.write("\n");
}

const marked = (user: User, index: number): User => ({
  ...user,
  ...(index < few ? { [byFew!]: "Of a few" } : index < alike && { [byMany!]: "Of many" }),
});

/** What the consumer does when the records are there and nothing else happens. */
async function drain(stores: OwnStores, producer: Producer, { from, to }: Users): Promise<Figures> {
  await produce(stores, producer, { from, to });
  const cassandra = (await supervisor.state("cassandra")).pid;
  const before = measureTree(cassandra).cpuSeconds;
  const consumer = await startConsumer(stores.env);
  const { rows, seconds, cpu_seconds, peak_bytes } = await consumer.drained(to - from).finally(consumer.stop);
  return {
    "consumer, rows/s": rows / seconds,
    "consumer, CPU µs a row": (1e6 * cpu_seconds) / rows,
    "consumer, peak MB": peak_bytes / 1e6,
    "Cassandra, CPU µs a row": (1e6 * (measureTree(cassandra).cpuSeconds - before)) / (to - from),
  };
}

async function measureApi({ sql }: OwnStores, { url }: StartedApi, figures: Figures) {
  const get = async (path: string) => {
    const begin = performance.now();
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(600_000) });
    const body = (await response.json()) as { users: User[]; cursor: string | null; count: number };
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${JSON.stringify(body)}`);
    return { ...body, ms: performance.now() - begin };
  };
  /** All pages, or as many. */
  const pages = async (path: string, most = Number.POSITIVE_INFINITY) => {
    const took: number[] = [];
    let found = 0;
    for (let cursor: string | null = ""; cursor !== null && took.length < most; ) {
      const page = await get(cursor === "" ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
      took.push(page.ms);
      found += page.users.length;
      cursor = page.cursor;
    }
    return { took, found };
  };
  const search = async (path: string, hits: number, times: number) => {
    const runs: number[] = [];
    for (let run = 0; run < times; run++) {
      const { took, found } = await pages(`/search-user?limit=${maxPage}&${path}`);
      if (found !== hits) throw new Error(`${path} found ${found} users instead of ${hits}`);
      runs.push(took.reduce((sum, ms) => sum + ms, 0));
    }
    return medianOf(runs);
  };
  const [someone] = await sql.unsafe(`SELECT * FROM ${table} WHERE ${byFew} = 'Of a few' LIMIT 1`);
  const single = namingFields[0]!;
  const bySingle = `${single}=${encodeURIComponent(someone![single])}`;
  await until("searches are answered", async () => (await fetch(`${url}/search-user?${bySingle}`)).ok);
  figures["/search-user, 1 hit, ms"] = await search(bySingle, 1, 50);
  figures[`/search-user, ${few} hits, ms`] = await search(`${byFew}=of+a+few`, few, 10);
  figures[`/search-user, ${many} hits in pages of ${maxPage}, ms`] = await search(`${byMany}=of+many`, many, 3);
  const { took } = await pages(`/users?limit=${maxPage}`, 100);
  figures[`/users, a page of ${maxPage}, ms`] = medianOf(took);
  const counts: number[] = [];
  for (let run = 0; run < 3; run++) counts.push((await get("/count")).ms / 1_000);
  figures["/count, s"] = medianOf(counts);
}

async function measureCommands({ env, sql }: OwnStores, figures: Figures) {
  const { seconds, peakBytes } = await timeOperate(["reconcile", "--json"], env);
  figures["reconcile, s"] = seconds;
  figures["reconcile, peak MB"] = peakBytes / 1e6;
  const [someone] = await sql.unsafe(`SELECT * FROM ${table} WHERE ${byFew} = 'Of a few' LIMIT 1`);
  for (const field of [idField, namingFields[0]!]) {
    const runs: number[] = [];
    for (let run = 0; run < 3; run++)
      runs.push((await timeOperate(["where", String(someone![field]), "--json"], env)).seconds);
    figures[`where by ${field}, s`] = medianOf(runs);
  }
}

async function measureMemory(figures: Figures) {
  for (const { name, pid } of await supervisor.states())
    if (["cassandra", "kafka", "postgres"].includes(name))
      figures[`${name}, resident MB`] = measureTree(pid).residentBytes / 1e6;
}

/** From the order to stop to the first answer, and a consumer's from its start until it is a member of its group. */
async function measureRestarts({ env }: OwnStores, figures: Figures) {
  for (const service of ["cassandra", "kafka", "postgres"]) {
    const [program] = servicesOf(stack)
      .find(({ name }) => name === service)!
      .programs(stack);
    const begin = performance.now();
    await supervisor.stop(service);
    await supervisor.start(service);
    await until(`${service} is ready`, async () => program!.ready!(stack).then(() => true), {
      withinMs: readyWithinMs,
    });
    figures[`${service}, restart, s`] = (performance.now() - begin) / 1_000;
  }
  const begin = performance.now();
  const consumer = await startConsumer(env);
  figures["consumer, start, s"] = (performance.now() - begin) / 1_000;
  await consumer.stop();
}

async function measureDisk({ config, sql }: OwnStores, figures: Figures) {
  const { topic } = config.kafka;
  const data = join(stack.folder, "data");
  figures["Cassandra, MB on disk"] = megabytesOf(`${data}/cassandra/data/${config.cassandra.keyspace}`);
  figures["Kafka, MB on disk"] = [
    ...new Bun.Glob(`${topic}-*`).scanSync({ cwd: `${data}/kafka/log`, onlyFiles: false }),
  ]
    .map((name) => megabytesOf(`${data}/kafka/log/${name}`))
    .reduce((sum, megabytes) => sum + megabytes, 0);
  const [size] = await sql`SELECT pg_total_relation_size(${table}::regclass)::float8 AS bytes`;
  figures["PostgreSQL, MB on disk"] = size!.bytes / 1e6;
}

const megabytesOf = (folder: string) =>
  (Number(Bun.spawnSync(["du", "-sk", folder]).stdout.toString().split("\t")[0]) * 1_024) / 1e6;

const medianOf = (numbers: number[]) =>
  quantile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  );

/** The exponent of a curve through the last two sizes: 0 is flat, 1 grows with the users. */
function print(results: Figures[]) {
  const [last, previous] = [results.at(-1)!, results.at(-2)];
  const measuredSizes = sizes.slice(0, results.length);
  const grown = Math.log(measuredSizes.at(-1)! / (measuredSizes.at(-2) ?? 1));
  const head = [
    "",
    ...measuredSizes.map((size) => `${size.toLocaleString("en")} users`),
    ...(previous ? ["grows as"] : []),
  ];
  const rows = Object.keys(last).map((name) => {
    const shape = previous && (Math.log(last[name]! / previous[name]!) / grown).toFixed(2);
    return [name, ...results.map((figures) => rounded(figures[name]!)), ...(previous ? [`users^${shape}`] : [])];
  });
  console.log(tableText(head, rows));
}

const rounded = (number: number) => Number(number.toPrecision(3));

await main();
process.exit(0);

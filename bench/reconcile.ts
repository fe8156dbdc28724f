/**
 * How long `bun run reconcile` takes for many users, and how much memory; and how long `bun run where` takes to find one
 * of them. It fills a keyspace, topics and a schema of its
 * own: for each user a row in PostgreSQL and in Cassandra, a record of the
 * pipeline and a change event, so there are twice as many records as users.
 * `bun bench/reconcile.ts [USERS]` needs a running stack.
 */
import { cpus, loadavg } from "node:os";
import type { Producer } from "kafkajs";
import { idField, namingFields, table } from "../contract/entity.ts";
import { columnArrays, upsertSql } from "../contract/tables.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { openKafka } from "../runtime/kafka.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { tableText } from "../runtime/table.ts";
import { envelope, row } from "../test/support/change-events.ts";
import { timeOperate } from "./command.ts";
import { distinct, makeUsers, openUserProducer } from "./corpus.ts";
import { startConsumer } from "./own-consumer.ts";
import { type OwnStores, openOwnStores } from "./own-stores.ts";

const users = Number(process.argv[2] ?? 1_000_000);
const part = 20_000;

async function main() {
  const log = openLog("bench", "warning");
  const stores = await openOwnStores(`bench_reconcile_${Date.now().toString(36)}`, log);
  try {
    await fill(stores, log);
    await measure(stores.env);
    await measureWhere(stores);
  } finally {
    await stores.drop();
  }
}

/** Fills PostgreSQL and the topics, and resolves once the consumer has stored everything in Cassandra. */
async function fill({ env, config, sql }: OwnStores, log: Log) {
  const producer = await openUserProducer(config, log);
  const changes = openKafka(config, "bench", log).producer({ allowAutoTopicCreation: false });
  await changes.connect();
  const consumer = await startConsumer(env);
  for (let filled = 0; filled < users; filled += part) {
    const some = makeUsers(Math.min(part, users - filled)).map(distinct);
    const insert = sql.begin((transaction) => transaction.unsafe(upsertSql, columnArrays(some)));
    await Promise.all([producer.send(some), sendChanges(changes, config.kafka.changeTopic, some), insert]);
    process.stderr.write(`\rfilled ${filled + some.length}`);
  }
  await consumer.drained(2 * users).finally(consumer.stop);
  await Promise.all([producer.close(), changes.disconnect()]);
  console.error("\neverything is stored");
}

async function measure(env: Record<string, string>) {
  const load = loadavg()[0]!.toFixed(1);
  const { seconds, cpuSeconds, peakBytes, output } = await timeOperate(["reconcile", "--json"], env);
  console.log(JSON.stringify(JSON.parse(output).counts));
  console.log(
    tableText(
      ["users", "s", "CPU s", "peak MB", "load before"],
      [
        [
          users,
          seconds.toFixed(1),
          cpuSeconds.toFixed(1),
          Math.round(peakBytes / 1e6),
          `${load} on ${cpus().length} cores`,
        ],
      ],
    ),
  );
}

/** The whole command from start to end, by id and by each name that a person has. */
async function measureWhere({ env, sql }: OwnStores) {
  const [user] = await sql.unsafe(`SELECT * FROM ${table} OFFSET ${Math.floor(users / 2)} LIMIT 1`);
  const rows: (string | number)[][] = [];
  for (const name of [idField, ...namingFields]) {
    const seconds: number[] = [];
    for (let run = 0; run < 5; run++)
      seconds.push((await timeOperate(["where", String(user?.[name]), "--json"], env)).seconds);
    seconds.sort((one, other) => one - other);
    rows.push([name, seconds[2]!.toFixed(2), seconds[4]!.toFixed(2), loadavg()[0]!.toFixed(1)]);
  }
  console.log(tableText(["where by", "median s", "slowest s", "load"], rows));
}

/** The users' insertions as Debezium reports them. */
async function sendChanges(producer: Producer, topic: string, some: readonly User[]) {
  const micros = Date.now() * 1_000;
  for (let start = 0; start < some.length; start += 500) {
    const messages = some.slice(start, start + 500).map((user, index) => ({
      key: JSON.stringify({ [idField]: keyOf(user) }),
      value: JSON.stringify(
        envelope({ op: "c", after: row(user), micros, order: start + index + 1, lsn: micros + start + index }),
      ),
    }));
    await producer.send({ topic, acks: -1, messages });
  }
}

await main();
process.exit(0);

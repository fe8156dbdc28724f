/**
 * How long `bun run reconcile` takes for many users, and how much memory; and how long `bun run where` takes to find one
 * of them. It fills a keyspace, topics and a schema of its
 * own: for each user a row in PostgreSQL and in Cassandra, a record of the
 * pipeline and a change event, so there are twice as many records as users.
 * `bun bench/reconcile.ts [USERS]` needs a running stack.
 */
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import type { Producer } from "kafkajs";
import { idField, namingFields, settledTopicOf, table } from "../contract/entity.ts";
import { columnArrays, createSql, upsertSql } from "../contract/tables.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { migrateCassandra } from "../operations/migrate.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { openPostgres, type Postgres } from "../runtime/postgres.ts";
import { tableText } from "../runtime/table.ts";
import { type Config, loadConfig } from "../sources/config.ts";
import { envelope, row } from "../test/support/change-events.ts";
import { makeUsers, openUserProducer } from "./corpus.ts";
import { startConsumer } from "./own-consumer.ts";

const users = Number(process.argv[2] ?? 1_000_000);
const part = 20_000;

async function main() {
  const name = `bench_reconcile_${Date.now().toString(36)}`;
  const env = environmentOf(name);
  const config = loadConfig(env);
  const log = openLog("bench", "warning");
  const cassandra = openCassandra(config, "bench");
  const sql = openPostgres(config.postgres.url, 2);
  const admin = openKafka(config, "bench", log).admin();
  await admin.connect();
  await migrateCassandra(cassandra, config, { apply: true });
  await sql.unsafe(`CREATE SCHEMA ${name}`);
  await sql.unsafe(createSql);
  try {
    await fill(env, config, sql, log);
    await measure(env);
    await measureWhere(env, sql);
  } finally {
    const { topic, deadLetterTopic, changeTopic, editTopic } = config.kafka;
    await cassandra.execute(`DROP KEYSPACE ${name}`, [], { prepare: false });
    await sql.unsafe(`DROP SCHEMA ${name} CASCADE`);
    const settledTopic = settledTopicOf(deadLetterTopic);
    await admin.deleteTopics({ topics: [topic, deadLetterTopic, settledTopic, changeTopic, editTopic] });
    await admin.deleteGroups([name]).catch(() => {}); // still shutting down: left to expire
    await Promise.allSettled([admin.disconnect(), cassandra.shutdown(), sql.end()]);
  }
}

const environmentOf = (name: string): Record<string, string> => ({
  ...(process.env as Record<string, string>),
  KAFKA_TOPIC: name,
  KAFKA_DEAD_LETTER_TOPIC: `${name}.dlq`,
  KAFKA_CHANGE_TOPIC: `${name}.changes`,
  KAFKA_EDIT_TOPIC: `${name}.edited`,
  CONSUMER_GROUP_ID: name,
  CASSANDRA_KEYSPACE: name,
  POSTGRES_URL: `${loadConfig().postgres.url}?search_path=${name}`,
  RUNS_DIR: "/nonexistent",
  LOG_LEVEL: "error",
});

/** Fills PostgreSQL and the topics, and resolves once the consumer has stored everything in Cassandra. */
async function fill(env: Record<string, string>, config: Config, sql: Postgres, log: Log) {
  const producer = await openUserProducer(config, log);
  const changes = openKafka(config, "bench", log).producer({ allowAutoTopicCreation: false });
  await changes.connect();
  const consumer = await startConsumer(env);
  for (let filled = 0; filled < users; filled += part) {
    const some = makeUsers(Math.min(part, users - filled)).map((user) => distinct(user));
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
  const begin = performance.now();
  const command = Bun.spawn([process.execPath, "operate/main.ts", "reconcile", "--json"], {
    cwd: join(import.meta.dir, ".."),
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  // The kernel's figure for an ended process includes its parent's memory at the fork; its status then has none.
  const peakBytes = async () =>
    1_024 * Number(/VmHWM:\s+(\d+)/.exec(await Bun.file(`/proc/${command.pid}/status`).text())?.[1] ?? 0);
  let peak = 0;
  const watch = setInterval(async () => {
    peak = Math.max(peak, await peakBytes().catch(() => 0));
  }, 100);
  const report = JSON.parse(await new Response(command.stdout).text());
  clearInterval(watch);
  await command.exited;
  const seconds = (performance.now() - begin) / 1_000;
  const { cpuTime } = command.resourceUsage()!;
  console.log(JSON.stringify(report.counts));
  console.log(
    tableText(
      ["users", "s", "CPU s", "peak MB", "load before"],
      [
        [
          users,
          seconds.toFixed(1),
          (Number(cpuTime.total) / 1e6).toFixed(1),
          Math.round(peak / 1e6),
          `${load} on ${cpus().length} cores`,
        ],
      ],
    ),
  );
}

/** A user with an id and names that no other has. */
function distinct(user: User): User {
  const id = crypto.randomUUID();
  return { ...user, ...Object.fromEntries(namingFields.map((name) => [name, `${id}@example.com`])), [idField]: id };
}

/** The whole command from start to end, by id and by each name that a person has. */
async function measureWhere(env: Record<string, string>, sql: Postgres) {
  const [user] = await sql.unsafe(`SELECT * FROM ${table} OFFSET ${Math.floor(users / 2)} LIMIT 1`);
  const rows: (string | number)[][] = [];
  for (const name of [idField, ...namingFields]) {
    const seconds: number[] = [];
    for (let run = 0; run < 5; run++) {
      const begin = performance.now();
      const command = Bun.spawn([process.execPath, "operate/main.ts", "where", String(user?.[name]), "--json"], {
        cwd: join(import.meta.dir, ".."),
        env,
        stdio: ["ignore", "ignore", "inherit"],
      });
      if ((await command.exited) === 2) throw new Error(`where could not look for the ${name}`);
      seconds.push((performance.now() - begin) / 1_000);
    }
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

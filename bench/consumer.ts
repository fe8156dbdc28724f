/**
 * Draining a topic into Cassandra: this consumer against typical Python implementations, and against the Java driver
 * with no input to read. The same records and the same indexed table, in alternating rounds so that all run under the
 * same conditions. Then latency at 50 records/s. `bun bench/consumer.ts` needs a running stack.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { table, topic } from "../contract/entity.ts";
import { fields, type User } from "../contract/user.ts";
import { migrateCassandra } from "../operations/migrate.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { type Config, loadConfig } from "../sources/config.ts";
import { install, installSpark, sparkOf } from "../stack/install/install.ts";
import { makeUsers, openUserProducer } from "./corpus.ts";
import { measureLatency } from "./latency.ts";
import { type Figures, json, startConsumer } from "./own-consumer.ts";

const rows = 100_000;
const naiveRows = 10_000;
const rounds = 3;
/** Warm up Cassandra's JVM: freshly started, it uses twice the CPU per row. */
const warmUps = 5;
const javaInFlight = 1_024;

interface Candidate {
  name: string;
  drain: () => Promise<Figures>;
}

async function main() {
  const name = `bench_consumer_${Date.now().toString(36)}`;
  const env: Record<string, string> = {
    ...(process.env as Record<string, string>),
    KAFKA_TOPIC: name,
    KAFKA_DEAD_LETTER_TOPIC: `${name}.dlq`,
    KAFKA_EDIT_TOPIC: `${name}.edited`,
    CASSANDRA_KEYSPACE: name,
    CDC_APPLY: "false",
    LOG_LEVEL: "error",
  };
  const config = loadConfig(env);
  const log = openLog("bench", "warning");
  const folder = mkdtempSync(join(tmpdir(), "bench-consumer-"));
  const cassandra = openCassandra(config, "bench");
  const truncate = () => cassandra.execute(`TRUNCATE ${name}.${table}`, [], { prepare: false });
  const groups: string[] = [];
  const ownGroup = () => {
    groups.push(`${name}.${groups.length}`);
    return { ...env, CONSUMER_GROUP_ID: groups.at(-1)! };
  };

  await migrateCassandra(cassandra, config, { apply: true });
  const producer = await openUserProducer(config, log);
  try {
    console.error(`producing ${rows} records`);
    const users = makeUsers(rows);
    await producer.send(users);
    const tsv = join(folder, "rows.tsv");
    await Bun.write(tsv, tsvOf(users));

    const ours: Candidate = {
      name: "this consumer",
      drain: async () => {
        const consumer = await startConsumer(ownGroup());
        return consumer.drained(rows).finally(consumer.stop);
      },
    };
    const { candidates: peers, omitted } = await peersOf(config, ownGroup, tsv, folder);
    const candidates = [ours, ...peers];
    const results = new Map(candidates.map((one) => [one, [] as Figures[]]));

    for (let drain = 1; drain <= warmUps; drain++) {
      await truncate();
      console.error(`warm-up ${drain} of ${warmUps}: ${Math.round(rateOf(await ours.drain()))} rows/s`);
    }
    for (let round = 1; round <= rounds; round++)
      for (const one of candidates) {
        await truncate();
        const figures = await one.drain();
        results.get(one)?.push(figures);
        console.error(`round ${round}: ${one.name}, ${Math.round(rateOf(figures))} rows/s`);
      }
    printDrain([...results].map(([one, figures]) => ({ name: one.name, ...median(figures) })));
    for (const reason of omitted) console.log(reason);

    await truncate();
    const consumer = await startConsumer(ownGroup());
    await consumer.drained(rows);
    const { p50, p99 } = await measureLatency(producer, cassandra, name, makeUsers(1_500).map(renamed)).finally(
      consumer.stop,
    );
    console.log(`produced → readable at 50 records/s: ${p50.toFixed(1)} ms median, ${p99.toFixed(1)} ms p99`);
  } finally {
    await producer.close();
    await cassandra.execute(`DROP KEYSPACE ${name}`, [], { prepare: false });
    await cassandra.shutdown();
    await deleteTopics(config, groups);
    rmSync(folder, { recursive: true });
  }
}

/** The other implementations, and a reason for each one that had to be omitted. */
async function peersOf(config: Config, ownGroup: () => Record<string, string>, tsv: string, folder: string) {
  const { python, java, bundle } = await install();
  const [contactPoint] = config.cassandra.contactPoints as [string];
  const pythonPeer = (mode: string, count: number) => () =>
    json(
      Bun.spawn([python, join(import.meta.dir, "peers", "consumer.py"), mode, String(count)], {
        env: {
          ...ownGroup(),
          KAFKA_BROKERS: config.kafka.brokers.join(","),
          CASSANDRA_CONTACT_POINTS: contactPoint,
          AVSC: join(import.meta.dir, "..", "contract", "generated", `${topic}.avsc`),
        },
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
  const candidates: Candidate[] = [
    { name: "Python, execute_concurrent 256", drain: pythonPeer("concurrent", rows) },
    { name: "Python, one execute per message", drain: pythonPeer("naive", naiveRows) },
  ];

  const omitted: string[] = [];
  try {
    await installSpark(); // its connector includes the Java driver
    const { jars, home } = sparkOf();
    const classPath = [folder, join(jars, "*"), join(home, "jars", "*")].join(":");
    // Cassandra includes a compiler; a Java runtime does not.
    const [ecj] = [...new Bun.Glob("ecj-*.jar").scanSync({ cwd: bundle("cassandra"), absolute: true })];
    const source = join(import.meta.dir, "peers", "RowWriter.java");
    const driver = [...new Bun.Glob("java-driver-core-*.jar").scanSync({ cwd: jars, absolute: true })].join(":");
    const compiled = Bun.spawn([java, "-jar", ecj!, "-17", "-nowarn", "-cp", driver, "-d", folder, source]);
    if ((await compiled.exited) !== 0) throw new Error(`${source} does not compile`);
    const [host, port = "9042"] = contactPoint.split(":") as [string, string?];
    const argv = [java, "-Xmx512m", "-cp", classPath, "RowWriter", host, port, config.cassandra.keyspace, tsv];
    candidates.push({
      name: `Java driver, ${javaInFlight} in flight, no input to read`,
      drain: () => json(Bun.spawn([...argv, String(javaInFlight)], { stdio: ["ignore", "pipe", "ignore"] })),
    });
  } catch (error) {
    omitted.push(`Java driver omitted: ${error instanceof Error ? error.message : error}`);
  }
  return { candidates, omitted };
}

const tsvOf = (users: readonly User[]) => {
  const names = fields.map(({ name }) => name);
  return [names, ...users.map((user) => names.map((name) => user[name]))].map((row) => row.join("\t")).join("\n");
};

const renamed = (user: User): User => ({ ...user, id: crypto.randomUUID() });

const rateOf = ({ rows, seconds }: Figures) => rows / seconds;

const median = (figures: Figures[]): Figures =>
  figures.toSorted((a, b) => rateOf(a) - rateOf(b))[Math.floor(figures.length / 2)]!;

function printDrain(results: (Figures & { name: string })[]) {
  const printed = new Table({
    head: ["into one table with a SAI index", "rows/s", "CPU µs per row", "peak MB", "speed-up"],
    style: { head: [], border: [] },
  });
  const ours = results[0]!;
  for (const one of results)
    printed.push([
      one.name,
      Math.round(rateOf(one)),
      ((one.cpu_seconds / one.rows) * 1e6).toFixed(1),
      Math.round(one.peak_bytes / 1e6),
      one === ours ? "" : `this consumer: ${(rateOf(ours) / rateOf(one)).toFixed(1)}`,
    ]);
  console.log(printed.toString());
}

async function deleteTopics(config: Config, groups: string[]) {
  const admin = openKafka(config, "bench", openLog("bench", "fatal")).admin();
  await admin.connect();
  const { topic, deadLetterTopic, editTopic } = config.kafka;
  await admin.deleteTopics({ topics: [topic, deadLetterTopic, editTopic] });
  await admin.deleteGroups(groups).catch(() => {}); // a group still shutting down is left to expire
  await admin.disconnect();
}

await main();
process.exit(0);

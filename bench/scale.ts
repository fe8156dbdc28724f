/**
 * Scaling consumers against Spark: the same 200,000 records in a topic with four partitions, drained by one, two and
 * four consumers of a group, and by the Spark job on one and two cores. `bun bench/scale.ts [RECORDS]` needs a stack
 * with Spark (`bun run up --spark`) and an otherwise idle machine.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { table } from "../contract/entity.ts";
import { migrateCassandra } from "../operations/migrate.ts";
import { sumOf } from "../operations/prometheus.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { loadConfig } from "../sources/config.ts";
import { environmentOf } from "../stack/environment.ts";
import { type Instance, openInstance } from "../stack/instance.ts";
import { clusterOf } from "../stack/services/spark.ts";
import { supervisorOf } from "../stack/supervisor/client.ts";
import { makeUsers, openUserProducer } from "./corpus.ts";
import { startConsumer } from "./own-consumer.ts";
import { measureTree } from "./process-tree.ts";

const records = Number(process.argv[2] ?? 200_000);

/** Rows stored and resources used up to a point in time. */
interface Sample {
  /** In milliseconds. */
  at: number;
  rows: number;
  cpuSeconds: number;
  bytes: number;
}

interface Engine {
  name: string;
  start: (round: string) => Promise<{ sample: () => Promise<Sample>; stop: () => Promise<void> }>;
}

interface Result {
  name: string;
  startSeconds: number;
  rowsPerSecond: number;
  cpuMicrosPerRow: number;
  megabytes: number;
}

async function main() {
  const instance = await openInstance();
  await clusterOf(instance); // fails here if there is no Spark cluster
  const name = `bench_scale_${Date.now().toString(36)}`;
  const env: Record<string, string> = {
    ...(process.env as Record<string, string>),
    ...environmentOf(instance),
    ...{ KAFKA_TOPIC: name, KAFKA_DEAD_LETTER_TOPIC: `${name}.dlq`, KAFKA_EDIT_TOPIC: `${name}.edited` },
    ...{ KAFKA_PARTITIONS: "4" },
    ...{ CASSANDRA_KEYSPACE: name, CDC_APPLY: "false", LOG_LEVEL: "error" },
  };
  const config = loadConfig(env);
  const folder = mkdtempSync(join(tmpdir(), "bench-scale-"));
  const cassandra = openCassandra(config, "bench");
  const producer = await openUserProducer(config, openLog("bench", "error"));
  try {
    await migrateCassandra(cassandra, config, { apply: true });
    console.error(`producing ${records} records`);
    await producer.send(makeUsers(records));

    const engines = [
      ...[1, 2, 4].map((count) => consumers(env, count)),
      ...[1, 2].map((cores) => spark(instance, env, folder, cores)),
    ];
    await drain(consumers(env, 1), "warm-up");
    const results: Result[] = [];
    for (const engine of engines) {
      await cassandra.execute(`TRUNCATE ${name}.${table}`, [], { prepare: false });
      results.push(await drain(engine, engine.name.replaceAll(/\W+/g, "-")));
      console.error(`${engine.name}: ${Math.round(results.at(-1)!.rowsPerSecond)} rows/s`);
    }
    print(results);
  } finally {
    await producer.close();
    await cassandra.execute(`DROP KEYSPACE IF EXISTS ${name}`, [], { prepare: false });
    await cassandra.shutdown();
    const admin = openKafka(config, "bench", openLog("bench", "error")).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [name, `${name}.dlq`, `${name}.edited`] });
    await admin.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The rate is measured from the first rows to the last, so it excludes start-up. */
async function drain(engine: Engine, round: string): Promise<Result> {
  const begin = performance.now();
  const { sample, stop } = await engine.start(round);
  try {
    let now = await sample();
    let first = now;
    let bytes = 0;
    while (now.rows < records) {
      await Bun.sleep(first.rows === 0 ? 20 : 100);
      now = await sample();
      if (first.rows === 0) first = now;
      bytes = Math.max(bytes, now.bytes);
    }
    const rows = now.rows - first.rows;
    return {
      name: engine.name,
      startSeconds: (first.at - begin) / 1_000,
      rowsPerSecond: rows / ((now.at - first.at) / 1_000),
      cpuMicrosPerRow: ((now.cpuSeconds - first.cpuSeconds) / rows) * 1e6,
      megabytes: bytes / 1e6,
    };
  } finally {
    await stop();
  }
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

function consumers(env: Record<string, string>, count: number): Engine {
  return {
    name: count === 1 ? "one consumer" : `${count} consumers`,
    async start(round) {
      const group = { ...env, CONSUMER_GROUP_ID: `${env.KAFKA_TOPIC}.${round}` };
      const members = await Promise.all(Array.from({ length: count }, () => startConsumer(group)));
      return {
        async sample() {
          const samples = await Promise.all(members.map((member) => member.sample()));
          return {
            at: performance.now(),
            rows: sum(samples.map(({ rows }) => rows)),
            cpuSeconds: sum(samples.map(({ cpu }) => cpu)),
            bytes: sum(samples.map(({ bytes }) => bytes)),
          };
        },
        stop: async () => void (await Promise.all(members.map(({ stop }) => stop()))),
      };
    },
  };
}

/** The job as `bun run spark` submits it, in ten batches; memory is that of the whole cluster. */
function spark(instance: Instance, env: Record<string, string>, folder: string, cores: number): Engine {
  const { sparkMetrics } = instance.config.ports;
  return {
    name: cores === 1 ? "Spark, one core" : `Spark, ${cores} cores`,
    async start(round) {
      const options = ["--checkpoint", join(folder, round), "--max-records", String(Math.ceil(records / 10))];
      const job = Bun.spawn([process.execPath, "stack/main.ts", "spark", ...options], {
        cwd: join(import.meta.dir, ".."),
        env: { ...env, SPARK_SUBMIT_OPTIONS: `--conf spark.cores.max=${cores}` },
        stdio: ["ignore", "ignore", "inherit"],
      });
      const daemons = (await supervisorOf(instance).states()).filter(({ name }) => name.startsWith("spark-"));
      return {
        async sample() {
          if (job.exitCode !== null) throw new Error(`the Spark job exited with code ${job.exitCode}`);
          const trees = [job.pid, ...daemons.map(({ pid }) => pid)].map(measureTree);
          return {
            at: performance.now(),
            rows: await storedBySpark(sparkMetrics),
            cpuSeconds: sum(trees.map(({ cpuSeconds }) => cpuSeconds)),
            bytes: sum(trees.map(({ residentBytes }) => residentBytes)),
          };
        },
        async stop() {
          job.kill("SIGTERM");
          await job.exited;
        },
      };
    },
  };
}

async function storedBySpark(port: number): Promise<number> {
  try {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return sumOf(text, "spark_stream_records_total", { outcome: "stored" });
  } catch {
    return 0; // still starting
  }
}

function print(results: Result[]) {
  const [one] = results as [Result, ...Result[]];
  const head = ["engine", "first rows after", "rows/s", "vs one consumer", "CPU µs per row", "memory"];
  const output = new Table({ head, style: { head: [], border: [], compact: true } });
  for (const { name, startSeconds, rowsPerSecond, cpuMicrosPerRow, megabytes } of results)
    output.push([
      name,
      `${startSeconds.toFixed(1)} s`,
      Math.round(rowsPerSecond).toLocaleString("en"),
      (rowsPerSecond / one.rowsPerSecond).toFixed(2),
      cpuMicrosPerRow.toFixed(0),
      `${Math.round(megabytes)} MB`,
    ]);
  console.log(output.toString());
}

await main();
process.exit(0);

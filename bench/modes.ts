/**
 * What a secure stack and a cluster cost beside a plain stack: this consumer drains the same records on each, in alternating
 * rounds. The CPU time of consumer, brokers and nodes is counted too: unlike rows a second, it hardly depends on what else
 * the machine does. `bun bench/modes.ts [secure] [cluster]` starts the stacks itself; with `--start` it only prints how long
 * each takes to start, with all services and one stack after the other.
 */

import Table from "cli-table3";
import { table } from "../contract/entity.ts";
import type { Principal } from "../operations/access/principals.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { loadConfig } from "../sources/config.ts";
import { environmentOf } from "../stack/environment.ts";
import { type StartTimes, up } from "../stack/lifecycle.ts";
import { supervisorOf } from "../stack/supervisor/client.ts";
import { type OwnStack, openOwnStack } from "../test/support/own-stack.ts";
import { makeUsers, openUserProducer } from "./corpus.ts";
import { type Figures, startConsumer } from "./own-consumer.ts";
import { measureTree } from "./process-tree.ts";

const rows = 60_000;
const rounds = 3;
const modes = ["secure", "cluster"];
/** Warm up Cassandra's JVM: freshly started, it uses twice the CPU per row. */
const warmUps = 2;
const only = ["postgres", "kafka", "schema-registry", "cassandra"];
const log = openLog("bench", "warning");

interface Candidate {
  name: string;
  stack: OwnStack;
  figures: Measured[];
}

interface Measured extends Figures {
  /** CPU time of all brokers and nodes during the drain. */
  servers_seconds: number;
}

const envOf = ({ stack }: Candidate, principal: Principal): Record<string, string> => ({
  ...(process.env as Record<string, string>),
  ...(environmentOf(stack.instance, principal) as Record<string, string>),
  CDC_APPLY: "false",
  LOG_LEVEL: "error",
});

async function open(name: string): Promise<Candidate> {
  const stack = await openOwnStack({ isSecure: name === "secure", isCluster: name === "cluster", suffix: `-${name}` });
  return { name, stack, figures: [] };
}

async function compareThroughput(names: string[]) {
  const candidates: Candidate[] = [];
  try {
    for (const name of names) candidates.push(await open(name));
    for (const one of candidates) {
      await up(one.stack.instance, { only });
      // As produce and consumer do on the first start of a plain stack; on a secure one they may not.
      await prepare(one);
    }
    for (let round = 1; round <= warmUps + rounds; round++)
      for (const one of candidates) {
        const figures = await drain(one);
        if (round > warmUps) one.figures.push(figures);
        console.error(`${round > warmUps ? "round" : "warm-up"}: ${one.name}, ${Math.round(rateOf(figures))} rows/s`);
      }
  } finally {
    for (const { stack } of candidates) await stack.down().finally(stack.remove);
  }
  print(candidates);
}

async function prepare(one: Candidate) {
  const producer = await openUserProducer(loadConfig(envOf(one, "tasks")), log);
  await producer.send(makeUsers(rows));
  await producer.close();
}

/** Reads the topic from its beginning into an empty table. */
async function drain(one: Candidate): Promise<Measured> {
  const config = loadConfig(envOf(one, "admin"));
  const cassandra = openCassandra(config, "bench", 120_000); // TRUNCATE can take long
  const exists = await cassandra.execute("SELECT * FROM system_schema.tables WHERE keyspace_name = ?", [
    config.cassandra.keyspace,
  ]);
  if (exists.rows.length > 0)
    await cassandra.execute(`TRUNCATE ${config.cassandra.keyspace}.${table}`, [], { prepare: false });
  await cassandra.shutdown();
  const admin = openKafka(config, "bench", log).admin();
  await admin.connect();
  await admin.deleteGroups([config.consumer.groupId]).catch(() => {}); // there is none yet
  await admin.disconnect();
  const consumer = await startConsumer(envOf(one, "consumer"));
  const before = await serversCpu(one);
  const figures = await consumer.drained(rows).finally(consumer.stop);
  return { ...figures, servers_seconds: (await serversCpu(one)) - before };
}

async function serversCpu({ stack }: Candidate): Promise<number> {
  const states = await supervisorOf(stack.instance).states();
  const servers = states.filter(({ name }) => /^(kafka|cassandra)(-\d)?$/.test(name));
  return servers.reduce((sum, { pid }) => sum + measureTree(pid).cpuSeconds, 0);
}

/** Until every service is ready; the second start, when all data folders exist. */
async function compareStarts(names: string[]) {
  for (const name of [...names, ...names]) {
    const { stack } = await open(name);
    try {
      for (const which of ["first", "second"]) {
        const since = performance.now();
        const times: StartTimes = await up(stack.instance);
        const seconds = ((performance.now() - since) / 1_000).toFixed(1);
        const slowest = Object.entries(times).toSorted(([, a], [, b]) => b - a)[0];
        console.log(`${name}, ${which} start: ${seconds} s (slowest: ${slowest?.[0]})`);
        await stack.down();
      }
    } finally {
      await stack.down().finally(stack.remove);
    }
  }
}

const rateOf = ({ rows, seconds }: Figures) => rows / seconds;
const microseconds = (seconds: number, { rows }: Figures) => (seconds / rows) * 1e6;
const median = (figures: Measured[]) =>
  figures.toSorted((a, b) => rateOf(a) - rateOf(b))[Math.floor(figures.length / 2)]!;

function print(candidates: Candidate[]) {
  const head = ["stack", "rows/s", "CPU µs per row: consumer", "brokers and nodes"];
  const printed = new Table({ head, style: { head: [], border: [] } });
  const medians = candidates.map(({ name, figures }) => ({ name, ...median(figures) }));
  for (const one of medians)
    printed.push([
      one.name,
      Math.round(rateOf(one)),
      microseconds(one.cpu_seconds, one).toFixed(0),
      microseconds(one.servers_seconds, one).toFixed(0),
    ]);
  console.log(printed.toString());
  const [plain, ...others] = medians;
  const cpuOf = (one: Measured) => microseconds(one.cpu_seconds + one.servers_seconds, one);
  for (const one of others) {
    console.log(`${one.name} / plain: ${(rateOf(one) / rateOf(plain!)).toFixed(2)} of the rows/s`);
    console.log(`plain / ${one.name}: ${(cpuOf(plain!) / cpuOf(one)).toFixed(2)} of the CPU time per row`);
  }
}

const asked = process.argv.slice(2).filter((word) => word !== "--start");
const unknown = asked.find((word) => !modes.includes(word));
if (unknown !== undefined) {
  console.error(`${unknown} is none of ${modes.join(", ")}`);
  process.exit(2);
}
const names = ["plain", ...(asked.length > 0 ? asked : modes)];
await (process.argv.includes("--start") ? compareStarts(names) : compareThroughput(names));
process.exit(0);

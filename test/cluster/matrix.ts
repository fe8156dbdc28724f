import { connector as connectorName, slot, table } from "../../contract/entity.ts";
import { changeable } from "../../contract/samples.ts";
import { openConnector } from "../../operations/connector.ts";
import { readLetterLog } from "../../operations/dead-letters/letter-log.ts";
import { captureChecks } from "../../operations/doctor/capture.ts";
import { openClients } from "../../operations/doctor/clients.ts";
import { examine } from "../../operations/doctor/examine.ts";
import { brokersCheck } from "../../operations/doctor/kafka.ts";
import { tableChecks } from "../../operations/doctor/tables.ts";
import { topicsCheck } from "../../operations/doctor/topics.ts";
import { openCassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { openPostgres } from "../../runtime/postgres.ts";
import { until } from "../../runtime/until.ts";
import { loadConfig } from "../../sources/config.ts";
import { project } from "../../stack/instance.ts";
import { openRecorder } from "../faults/records.ts";
import { readRows } from "../support/cassandra.ts";
import { openRegisters, type Registers } from "../support/register.ts";
import { everythingArrived } from "../support/writes.ts";
import type { Fault } from "./faults.ts";
import { startProbes } from "./probes.ts";
import { openRandom } from "./random.ts";
import { startWriters } from "./writers.ts";

/** What came of one fault. Times in milliseconds. */
export interface Report {
  fault: string;
  on: string;
  /** Writes by their outcome, and reads. */
  acknowledged: number;
  refused: number;
  unknown: number;
  reads: number;
  /** From produced to readable, of all probes from the beginning of the fault until its end. */
  p50: number;
  p99: number;
  longest: number;
  /** From the end of the fault until records flowed again, and until doctor found every node and replica. */
  recovery: number;
  whole: number;
  /** How often the connector's task had failed and was restarted, as doctor says. */
  restarts: number;
  /** What was lost or is wrong: what no order of the writes explains, open dead letters, what reconcile finds. */
  anomalies: string[];
}

interface Options {
  /** The environment of the stack's programs. */
  environment: Record<string, string>;
  faults: Iterable<Fault>;
  seed: string;
  /** Writes per second, of all writers together. */
  perSecond: number;
}

const log = openLog("chaos", "fatal");
/** How fast records have to be readable again for a fault to be over. */
const fluentMs = 2_000;
const wholeWithinMs = 300_000;

/**
 * Lets one fault after the other happen while several writers and readers are at work, and checks after each: what was
 * acknowledged is stored, no older value is over a newer one, no record is left unread, and reconcile finds nothing.
 */
export async function* runMatrix({ environment, faults, seed, perSecond }: Options): AsyncGenerator<Report> {
  const config = loadConfig(environment);
  const recorder = await openRecorder({ config });
  const cassandra = openCassandra(config, "chaos");
  const sql = openPostgres({ ...config.postgres, url: environment.POSTGRES_URL ?? "" }, 4);
  const registers = openRegisters();
  const given = {
    registers,
    cassandra,
    keyspace: config.cassandra.keyspace,
    schemaId: recorder.schemaId,
    produce: (records: { key: string; value: Buffer }[]) =>
      recorder.sendRecords(records.map((record) => ({ ...record, user: null }))),
  };
  const writing = { ...given, random: openRandom(`${seed} writes`), sql, apiUrl: environment.API_URL ?? "" };
  let restarts = 0;
  const isWhole = async () => {
    restarts += await untilWhole(config, environment);
  };
  const arrived = async () => {
    const { topic, editTopic, changeTopic } = config.kafka;
    const { groupId } = config.consumer;
    await everythingArrived({ config, sql, groupId, topic, editTopic, changeTopic, slot });
  };
  try {
    await isWhole();
    for (const fault of faults) {
      const before = registers.counts();
      restarts = 0;
      const [writers, probes] = [startWriters(writing, perSecond), startProbes(given)];
      await probes.isFluent(fluentMs);
      const begin = Date.now();
      await fault.happen(isWhole);
      const over = Date.now();
      const since = () => Date.now() - over;
      const [recovery, whole] = await Promise.all([probes.isFluent(fluentMs), isWhole().then(since)]);
      const times = probes.since(begin).sort((one, other) => one - other);
      await Promise.all([writers.stop(), probes.stop()]);
      await arrived();
      if (fault.makesLetters) {
        await operate(environment, ["dead-letters", "replay", "--reason", "timestamp_ahead"]);
        await arrived();
      }
      yield {
        fault: fault.name,
        on: fault.on,
        ...differenceOf(registers.counts(), before),
        ...quantilesOf(times),
        recovery,
        whole,
        restarts,
        anomalies: [
          ...(await anomaliesIn(config, registers)),
          ...(await operate(environment, ["reconcile", "--json"])),
        ],
      };
    }
  } finally {
    await Promise.all([recorder.close(), cassandra.shutdown(), sql.end({ timeout: 5 })]);
  }
}

type Counts = ReturnType<Registers["counts"]>;

const differenceOf = (after: Counts, before: Counts): Counts => ({
  acknowledged: after.acknowledged - before.acknowledged,
  refused: after.refused - before.refused,
  unknown: after.unknown - before.unknown,
  reads: after.reads - before.reads,
});

/** Of numbers in ascending order. */
function quantilesOf(sorted: readonly number[]) {
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
  return { p50: quantile(0.5), p99: quantile(0.99), longest: sorted.at(-1) ?? 0 };
}

/**
 * Resolves once doctor finds every broker, node, replica and the connector, with how often its task had to be restarted:
 * a task that an answer of a dying broker has ended stays so.
 */
async function untilWhole(config: Config, env: Record<string, string>): Promise<number> {
  const connector = openConnector({ url: env.CONNECT_URL ?? "", ...config.connect }, connectorName);
  let restarts = 0;
  const checks = [brokersCheck, topicsCheck, ...tableChecks, ...captureChecks];
  await until(
    "the cluster is whole",
    async () => {
      const clients = openClients({ config, env, postgresUrl: env.POSTGRES_URL ?? "", isNative: true });
      try {
        const [finding] = await examine(checks, clients, { withinMs: 8_000 });
        if (!finding) return true;
        const status = await connector.status().catch(() => undefined);
        const hasFailed = status?.tasks.some(({ state }) => state === "FAILED");
        if (hasFailed && (await connector.restartFailed()).ok) restarts++;
        throw new Error(`${finding.about}: ${finding.cause}`);
      } finally {
        await Promise.race([clients.close(), Bun.sleep(500)]);
      }
    },
    { withinMs: wholeWithinMs, everyMs: 500 },
  );
  return restarts;
}

/** What no order of the writes explains, and dead letters that are open: all records were good. */
async function anomaliesIn(config: Config, registers: Registers): Promise<string[]> {
  const kafka = openKafka(config, "chaos", log);
  const admin = kafka.admin();
  await admin.connect();
  try {
    const { entries } = await readLetterLog({ kafka, admin }, config.kafka.deadLetterTopic);
    const values = new Map([...(await readRows(config))].map(([id, row]) => [id, row[changeable.text]]));
    return [
      ...registers.anomalies(values).map(({ kind, id, detail }) => `${kind}: ${table} ${id}: ${detail}`),
      ...entries
        .filter(({ settlement }) => !settlement)
        .map(({ key, reason, origin }) => `dead letter of ${key} in ${origin?.topic}: ${reason}`),
    ];
  } finally {
    await admin.disconnect();
  }
}

/** Runs an operator's command. @returns what it says, if it does not say that all is well */
async function operate(env: Record<string, string>, args: string[]): Promise<string[]> {
  const command = Bun.spawn([process.execPath, "operate/main.ts", ...args], {
    cwd: project,
    env: { ...env, RUNS_DIR: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
  ]);
  if ((await command.exited) === 0) return [];
  return [`${args.join(" ")}: ${(output || errors).slice(0, 1_000)}`];
}

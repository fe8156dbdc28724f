import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { idField, table } from "../../contract/entity.ts";
import { selectCql, userOf } from "../../contract/tables.ts";
import { keyOf } from "../../contract/topics.ts";
import type { User } from "../../contract/user.ts";
import type { CaptureState } from "../../operations/connector.ts";
import { tailOf } from "../../operations/log-tail.ts";
import { boundOf, type Histogram, mean, readHistogram, since } from "../../operations/prometheus.ts";
import { openCassandra } from "../../runtime/cassandra.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openPostgres } from "../../runtime/postgres.ts";
import { openProgress, type Progress } from "../../runtime/progress.ts";
import { NotInTime, until } from "../../runtime/until.ts";
import { registerConnector } from "../change-capture.ts";
import { useCluster } from "../cluster.ts";
import { addDiagnosis } from "../diagnosis.ts";
import { environmentOf, ownConfig } from "../environment.ts";
import { StackError } from "../failure.ts";
import { type Instance, project } from "../instance.ts";
import { type StartTimes, stopServices, up } from "../lifecycle.ts";
import { inParallel } from "../order.ts";
import { overriddenSettings } from "../overridden.ts";
import { run } from "../services/run-tool.ts";
import { type Command, clusterHelp, clusterOption, secureHelp, secureOption } from "./command-line.ts";
import { type FinishedRun, runDag } from "./dag-run.ts";
import { type DemoReport, showReport } from "./demo-report.ts";

const readableWithinMs = 60_000;
const lookEveryMs = 100;

export const demo: Command = {
  summary: "Start the stack, run the DAG, show the users at every hop and leave the stack running",
  options: { [secureOption]: secureHelp, [clusterOption]: clusterHelp },
  async run(instance, args, stop) {
    await runDemo(args.includes(clusterOption) ? await useCluster(instance) : instance, stop);
    return 0;
  },
};

/**
 * Starts the stack, runs the DAG, waits until all of its users are readable in Cassandra and prints the report. On
 * failure it stops the services it started.
 */
async function runDemo(instance: Instance, stop: AbortSignal): Promise<void> {
  for (const sentence of overriddenSettings(instance)) console.error(sentence);
  const progress = openProgress();
  const startedAt = Date.now();
  let times: StartTimes = {};
  const start = async (signal: AbortSignal) => {
    times = await up(instance, { progress, stop: signal });
  };
  try {
    await inParallel([start, (signal) => buildTasks(instance, progress, signal)], stop);
    const [report, capture] = await inParallel(
      [(signal) => followRun(instance, progress, signal), (signal) => captureChanges(instance, progress, signal)],
      stop,
    );
    progress.end();
    showReport(instance, { ...report, capture, times, totalMs: Date.now() - startedAt });
  } catch (error) {
    await addDiagnosis(error, instance, stop);
    await stopServices(
      instance,
      Object.keys(times).filter((name) => times[name] !== 0),
      progress,
    );
    throw error;
  } finally {
    progress.end();
  }
}

async function buildTasks(instance: Instance, progress: Progress, stop: AbortSignal) {
  progress.start("tasks", "compiling the task binary");
  await run(instance, "build", [process.execPath, join(project, "tasks", "build.ts")], { stop });
  progress.done("tasks", "compiled to dist/tasks");
}

async function captureChanges(instance: Instance, progress: Progress, stop: AbortSignal): Promise<CaptureState> {
  progress.start("change capture", "registering postgres-connector.json");
  const state = await registerConnector(instance, stop);
  progress.done("change capture", `connector ${state.connector.toLowerCase()}, task ${state.task.toLowerCase()}`);
  return state;
}

async function followRun(
  instance: Instance,
  progress: Progress,
  stop: AbortSignal,
): Promise<Omit<DemoReport, "capture" | "times" | "totalMs">> {
  const [latenciesBefore, deadLettersBefore] = await Promise.all([latencies(instance), deadLetters(instance)]);

  progress.start("dag run", "logging in to Airflow");
  const finished = await runDag(instance, { report: (text) => progress.start("dag run", text), stop });
  progress.done("dag run", finished.id);

  const ids = await idsOf(finished);
  progress.start("rows", `waiting until ${ids.length} users are readable in Cassandra`);
  const { stored, sample } = await waitUntilReadable(instance, ids, stop);
  progress.done("rows", `${stored} users are readable in Cassandra`);

  const [latenciesAfter, deadLettersAfter, backedUp] = await Promise.all([
    latencies(instance),
    deadLetters(instance),
    countBackedUp(instance, ids),
  ]);
  const observed = since(latenciesBefore, latenciesAfter);
  return {
    finished,
    backedUp,
    stored,
    sample,
    deadLettered: deadLettersAfter - deadLettersBefore,
    latencySeconds: { mean: mean(observed), p99AtMost: boundOf(observed, 0.99) },
  };
}

/** The ids of the users that `backup` stored and passed on, from the output file named in its counts. */
async function idsOf({ countsOf }: FinishedRun): Promise<string[]> {
  const { output } = countsOf("backup");
  if (output === undefined) throw new Error("the counts of the task backup do not name its output file");
  const lines = (await Bun.file(output).text()).split("\n").filter(Boolean);
  return lines.map((line) => keyOf(JSON.parse(line) as User));
}

async function waitUntilReadable(instance: Instance, ids: string[], stop: AbortSignal) {
  const { config } = instance;
  const client = openCassandra(ownConfig(instance), "demo");
  const query = selectCql(config.cassandra.keyspace);
  const missing = new Set(ids);
  const sample: User[] = [];
  try {
    const allReadable = async () => {
      const results = await Promise.all([...missing].map((id) => client.execute(query, [id])));
      for (const user of results.flatMap(({ rows }) => rows.map(userOf))) {
        missing.delete(keyOf(user));
        if (sample.length < 3) sample.push(user);
      }
      return missing.size === 0;
    };
    await until("all users are readable", allReadable, { withinMs: readableWithinMs, everyMs: lookEveryMs, stop });
    return { stored: ids.length, sample };
  } catch (error) {
    if (!(error instanceof NotInTime)) throw error;
    throw new StackError(
      `${missing.size} of ${ids.length} users are not readable in Cassandra after ${readableWithinMs / 1000} s`,
      `They are still in Kafka, or in ${config.kafka.deadLetterTopic} with the reason: see \`bun run logs consumer\` and \`bun run dead-letters list\`.`,
      await tailOf(join(instance.folder, "logs", "consumer.log")),
    );
  } finally {
    await client.shutdown();
  }
}

async function countBackedUp(instance: Instance, ids: string[]): Promise<number> {
  const sql = openPostgres(ownConfig(instance).postgres, 1);
  try {
    const [row] =
      await sql`SELECT count(*)::int AS count FROM ${sql(table)} WHERE ${sql(idField)} = ANY(${ids}::uuid[])`;
    return row?.count ?? 0;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The number of dead letters so far. */
async function deadLetters(instance: Instance): Promise<number> {
  const config = ownConfig(instance);
  const admin = openKafka(config, "demo", getLogger("stack")).admin();
  try {
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(config.kafka.deadLetterTopic);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  } finally {
    await admin.disconnect();
  }
}

/** The time from produced to readable, as measured by the consumer. */
async function latencies(instance: Instance): Promise<Histogram> {
  const response = await fetch(`${environmentOf(instance).CONSUMER_URL}/metrics`);
  const { topic } = instance.config.kafka;
  return readHistogram(await response.text(), "consumer_produced_to_stored_seconds", { topic });
}

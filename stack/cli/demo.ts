import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { CaptureState } from "../../operations/connector.ts";
import { boundOf, type Histogram, mean, readHistogram, since } from "../../operations/prometheus.ts";
import { openCassandra } from "../../runtime/cassandra.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openPostgres } from "../../runtime/postgres.ts";
import { NotInTime, until } from "../../runtime/until.ts";
import { local } from "../addresses.ts";
import { registerConnector } from "../change-capture.ts";
import { environmentOf } from "../environment.ts";
import { StackError } from "../failure.ts";
import { type Instance, project } from "../instance.ts";
import { type StartTimes, stopServices, up } from "../lifecycle.ts";
import { tailOf } from "../logs.ts";
import { sideBySide } from "../order.ts";
import { openProgress, type Progress } from "../progress.ts";
import { run } from "../services/run-tool.ts";
import type { Command } from "./command-line.ts";
import { type FinishedRun, runDag } from "./dag-run.ts";
import { type DemoReport, showReport } from "./demo-report.ts";

const readableWithinMs = 60_000;
const lookEveryMs = 100;

export const demo: Command = {
  does: "Starts everything, runs the DAG, shows the users at every hop and leaves it all running.",
  async run(instance, _, stop) {
    await runDemo(instance, stop);
    return 0;
  },
};

/**
 * Resolves once every user of a fresh DAG run is readable in Cassandra, prints what happened at every hop and leaves
 * everything running. A failure stops what this call started.
 */
async function runDemo(instance: Instance, stop: AbortSignal): Promise<void> {
  const progress = openProgress();
  const began = Date.now();
  let times: StartTimes = {};
  const start = async (signal: AbortSignal) => {
    times = await up(instance, { progress, stop: signal });
  };
  try {
    await sideBySide([start, (signal) => buildTasks(instance, progress, signal)], stop);
    const [report, capture] = await sideBySide(
      [(signal) => followRun(instance, progress, signal), (signal) => captureChanges(instance, progress, signal)],
      stop,
    );
    progress.end();
    showReport(instance, { ...report, capture, times, totalMs: Date.now() - began });
  } catch (error) {
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
  progress.begin("tasks", "compiling the task binary");
  await run(instance, "build", [process.execPath, join(project, "tasks", "build.ts")], { stop });
  progress.done("tasks", "compiled to dist/tasks");
}

async function captureChanges(instance: Instance, progress: Progress, stop: AbortSignal): Promise<CaptureState> {
  progress.begin("change capture", "registering postgres-connector.json");
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

  progress.begin("dag run", "logging in to Airflow");
  const finished = await runDag(instance, { tell: (doing) => progress.begin("dag run", doing), stop });
  progress.done("dag run", finished.id);

  const ids = await idsOf(finished);
  progress.begin("rows", `waiting until ${ids.length} users are readable in Cassandra`);
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

/** The users that `backup` stored and passed on, from the file that it names in its counts. */
async function idsOf({ counts }: FinishedRun): Promise<string[]> {
  const { output } = counts.backup;
  if (output === undefined) throw new Error("the task backup did not name its output");
  const lines = (await Bun.file(output).text()).split("\n").filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { id: string }).id);
}

async function waitUntilReadable(instance: Instance, ids: string[], stop: AbortSignal) {
  const { config } = instance;
  const contactPoints = [local(config.ports.cassandra)];
  const client = openCassandra({ cassandra: { ...config.cassandra, contactPoints } }, "demo");
  const query = `SELECT id, first_name, last_name, email, address FROM ${config.cassandra.keyspace}.created_users WHERE id = ?`;
  const missing = new Set(ids);
  const sample: Record<string, string>[] = [];
  try {
    const allReadable = async () => {
      const results = await Promise.all([...missing].map((id) => client.execute(query, [id])));
      for (const row of results.flatMap(({ rows }) => rows)) {
        missing.delete(String(row.id));
        if (sample.length < 3) sample.push(Object.fromEntries(row.keys().map((key) => [key, String(row[key] ?? "")])));
      }
      return missing.size === 0;
    };
    await until("all users are readable", allReadable, { withinMs: readableWithinMs, everyMs: lookEveryMs, stop });
    return { stored: ids.length, sample };
  } catch (error) {
    if (!(error instanceof NotInTime)) throw error;
    throw new StackError(
      `${missing.size} of ${ids.length} users are not readable in Cassandra after ${readableWithinMs / 1000} s`,
      `They are in Kafka, or in ${config.kafka.deadLetterTopic} with the reason; see \`bun run logs consumer\`.`,
      await tailOf(join(instance.folder, "logs", "consumer.log")),
    );
  } finally {
    await client.shutdown();
  }
}

async function countBackedUp(instance: Instance, ids: string[]): Promise<number> {
  const sql = openPostgres(environmentOf(instance).POSTGRES_URL, 1);
  try {
    const [row] = await sql`SELECT count(*)::int AS count FROM created_users WHERE id = ANY(${ids}::uuid[])`;
    return row?.count ?? 0;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** How many dead letters there are by now. */
async function deadLetters({ config }: Instance): Promise<number> {
  const brokers = [local(config.ports.kafka)];
  const admin = openKafka({ kafka: { ...config.kafka, brokers } }, "demo", getLogger("stack")).admin();
  try {
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(config.kafka.deadLetterTopic);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  } finally {
    await admin.disconnect();
  }
}

/** Produce → readable, as the consumer measures it. */
async function latencies(instance: Instance): Promise<Histogram> {
  const response = await fetch(`${environmentOf(instance).CONSUMER_URL}/metrics`);
  const { topic } = instance.config.kafka;
  return readHistogram(await response.text(), "consumer_produced_to_stored_seconds", { topic });
}

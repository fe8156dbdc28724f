import { join } from "node:path";
import { local } from "../addresses.ts";
import { environmentOf } from "../environment.ts";
import { StackError } from "../failure.ts";
import { installSpark, sparkOf } from "../install/install.ts";
import { dataFolder, type Instance, project } from "../instance.ts";
import { clusterOf, sparkEnvironment, sparkMasterOf } from "../services/spark.ts";
import type { Command } from "./command-line.ts";

export const spark: Command = {
  summary: "Submit the streaming job to the stack's Spark cluster and wait until it ends",
  usage: "[--available-now] [--cdc] [JOB OPTION]...",
  options: {
    "--available-now": "process all records available now, then exit",
    "--cdc": "also apply Debezium's change events and the API's edits (all job options: docs/spark.md)",
  },
  run: submit,
};

/**
 * Submits spark/user_stream.py to the stack's cluster and resolves with its exit code. On SIGINT and SIGTERM the job
 * finishes the current batch. `args` are the job's options; the checkpoint has a default.
 * @throws StackError if no cluster is running
 */
async function submit(instance: Instance, args: string[], stop: AbortSignal): Promise<number> {
  await installSpark(instance.env);
  await clusterOf(instance).catch((cause: unknown) => {
    throw new StackError("The stack's Spark cluster is not running", "Start it with `bun run up --spark`.", [], {
      cause,
    });
  });
  const { SPARK_UI_URL } = environmentOf(instance);
  console.error(`Spark: ${sparkMasterOf(instance)}, UI ${SPARK_UI_URL}, metrics ${metricsUrl(instance)}`);

  const job = Bun.spawn([...submitCommand(instance), ...withCheckpoint(instance, args)], {
    cwd: project,
    env: { ...instance.env, ...sparkEnvironment(instance), ...jobEnvironment(instance) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  stop.addEventListener("abort", () => job.kill("SIGTERM"));
  const exitCode = await job.exited;
  // A JVM exits with 128 + the signal even after a clean shutdown.
  return stop.aborted && (exitCode === 143 || exitCode === 130) ? 0 : exitCode;
}

// A driver killed while it spawns a process (Hadoop's file system runs chmod) leaves a jspawnhelper behind, which keeps
// the driver's connections open and therefore its cores reserved (JDK-8307990, not fixed in this Java 17).
const driverJavaOptions = "-XX:+UseSerialGC -Djdk.lang.Process.launchMechanism=VFORK";

/** The spark-submit command up to the job's options. The jars are local, so nothing is downloaded. */
function submitCommand(instance: Instance): string[] {
  const { home, jars } = sparkOf(instance.env);
  const settings = {
    "spark.driver.extraClassPath": join(jars, "*"),
    "spark.executor.extraClassPath": join(jars, "*"),
    "spark.executor.memory": "640m",
    // Hadoop sets the modes of checkpoint files itself, by a umask of its own.
    "spark.hadoop.fs.permissions.umask-mode": "077",
    // The share of an executor's heap for execution and storage; this job caches and shuffles little.
    "spark.memory.fraction": "0.4",
  };
  return [
    join(home, "bin", "spark-submit"),
    ...["--master", sparkMasterOf(instance), "--driver-memory", "512m", "--driver-java-options", driverJavaOptions],
    ...Object.entries(settings).flatMap(([name, value]) => ["--conf", `${name}=${value}`]),
    ...(instance.env.SPARK_SUBMIT_OPTIONS?.split(/\s+/).filter(Boolean) ?? []),
    join(project, "spark", "user_stream.py"),
  ];
}

/** The stack's addresses and the project's other settings as the job's environment variables. */
export function jobEnvironment(instance: Instance): Record<string, string> {
  const { kafka, cassandra, cdc, consumer, log, manageSchema } = instance.config;
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, CASSANDRA_CONTACT_POINTS, CASSANDRA_LOCAL_DATA_CENTER } =
    environmentOf(instance);
  const own: Record<string, string> = environmentOf(instance, "spark");
  const { MANAGE_SCHEMA = String(manageSchema) } = own;
  const optional = { CASSANDRA_USERNAME: cassandra.username, CASSANDRA_PASSWORD: cassandra.password };
  return {
    ...accessOf(own),
    KAFKA_BROKERS,
    KAFKA_TOPIC: kafka.topic,
    KAFKA_DEAD_LETTER_TOPIC: kafka.deadLetterTopic,
    KAFKA_CHANGE_TOPIC: kafka.changeTopic,
    KAFKA_EDIT_TOPIC: kafka.editTopic,
    SCHEMA_REGISTRY_URL,
    CASSANDRA_CONTACT_POINTS,
    CASSANDRA_LOCAL_DATA_CENTER,
    CASSANDRA_KEYSPACE: cassandra.keyspace,
    CASSANDRA_REPLICATION_FACTOR: String(cassandra.replicationFactor),
    MANAGE_SCHEMA,
    CDC_IGNORED_COLUMNS: cdc.ignoredColumns.join(","),
    CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: String(consumer.maxDeadLettersInARow),
    CONSUMER_MAX_DEAD_LETTER_SHARE: String(consumer.maxDeadLetterShare),
    CONSUMER_MAX_AHEAD_MS: String(consumer.maxAheadMs),
    LOG_LEVEL: log.level,
    LISTEN_HOST: instance.config.host,
    SPARK_METRICS_PORT: String(instance.config.ports.sparkMetrics),
    ...Object.fromEntries(
      Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  };
}

/** By default each topic and table has its own checkpoint. */
function withCheckpoint(instance: Instance, args: string[]): string[] {
  if (args.some((arg) => arg === "--checkpoint" || arg.startsWith("--checkpoint="))) return args;
  const { kafka, cassandra } = instance.config;
  const name = `${kafka.topic}-${cassandra.keyspace}`;
  return ["--checkpoint", join(dataFolder(instance, "spark"), "checkpoints", name), ...args];
}

const metricsUrl = ({ config }: Instance) => `http://${local(config.ports.sparkMetrics)}/metrics`;

/** How the job is let in by the servers: TLS and logins. */
const accessOf = (environment: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) =>
      /^(KAFKA|CASSANDRA|SCHEMA_REGISTRY)_(TLS|\w+_FILE|SERVER_NAME|SASL_\w+|OAUTH_\w+|USERNAME|PASSWORD|TOKEN|SECURE_CONNECT_BUNDLE)$/.test(
        name,
      ),
    ),
  );

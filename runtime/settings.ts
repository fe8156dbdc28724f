import { z } from "zod";
import * as entity from "../contract/entity.ts";
import { namedTokens } from "./named-tokens.ts";
import { serverSettings } from "./server-settings.ts";
import { count, file, flag, hostNames, items, port, secret, setting, text } from "./setting.ts";

/**
 * Every setting but those of the sources, which declare their own (sources/config.ts). `config.yaml` has the same keys,
 * and an environment variable overrides each. Addresses that are not set are the native stack's, so moving a port moves
 * everything that connects to it.
 */
export const Settings = z.strictObject({
  fetch: z
    .strictObject({
      timeoutMs: count(20_000, "FETCH_TIMEOUT_MS", "Timeout of a request to the source, in milliseconds."),
      attempts: count(5, "FETCH_ATTEMPTS", "Attempts per request before the task fails with exit code 1."),
    })
    .prefault({}),
  tasks: z
    .strictObject({
      maxRejectedShare: setting(
        z.coerce.number().min(0).max(1).default(0.5),
        "TASKS_MAX_REJECTED_SHARE",
        "Maximum share of its records that a task may reject; beyond it the cause is unlikely to be single records, and the task fails with exit code 2.",
      ),
    })
    .prefault({}),
  ...serverSettings,
  manageSchema: flag(
    true,
    "MANAGE_SCHEMA",
    "Whether programs create tables, columns, topics and schemas at their start; otherwise they name what is missing, and an administrator creates it with what `bun run migrate --show` prints.",
  ),
  consumer: z
    .strictObject({
      groupId: text(entity.consumerGroup, "CONSUMER_GROUP_ID", "Consumer group; its instances share the partitions."),
      sessionTimeoutMs: count(
        10_000,
        "CONSUMER_SESSION_TIMEOUT_MS",
        "Session timeout: after this long without a heartbeat, an instance's partitions go to the others, in milliseconds.",
      ),
      stalledAfterMs: count(
        30_000,
        "CONSUMER_STALLED_AFTER_MS",
        "How long a partition with unread records may make no progress before /readyz returns 503, in milliseconds.",
      ),
      sliceRows: count(1_024, "CONSUMER_SLICE_ROWS", "Records written before their offsets are committed."),
      maxDeadLettersInARow: count(
        100,
        "CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW",
        "Maximum number of consecutive dead letters in a partition; one more stops it.",
      ),
      maxDeadLetterShare: setting(
        z.coerce.number().min(0).max(1).default(0.5),
        "CONSUMER_MAX_DEAD_LETTER_SHARE",
        "Maximum share of dead letters among a partition's last 1,000 records, from 0 to 1; beyond it, the partition stops.",
      ),
      maxAheadMs: count(
        300_000,
        "CONSUMER_MAX_AHEAD_MS",
        "How far in the future a record's timestamp may be, in milliseconds.",
      ),
    })
    .prefault({}),
  cdc: z
    .strictObject({
      apply: flag(true, "CDC_APPLY", "Whether the consumer applies changes of the PostgreSQL table to Cassandra."),
      ignoredColumns: setting(
        items(z.string().min(1)).default([]),
        "CDC_IGNORED_COLUMNS",
        "Columns of the PostgreSQL table that are not in the contract and need not reach Cassandra, separated by commas.",
      ),
    })
    .prefault({}),
  api: z
    .strictObject({
      token: secret(
        "API_TOKEN",
        "Bearer token required for writes; if neither this nor tokens is set, anyone may write.",
        16,
      ),
      tokens: namedTokens(
        "API_TOKENS",
        "More such tokens by the names of those who have them, which are the authors of their edits; as a variable, name:token,name:token.",
      ),
      protect: setting(
        z.enum(["writes", "all"]).default("writes"),
        "API_PROTECT",
        "What needs a token, if there is one: writes, or all, which adds reads and /metrics, but neither health checks nor the documentation.",
      ),
      log: flag(
        true,
        "API_LOG",
        "Whether each write is first a record of the topic of edits; if not, the API needs no Kafka, and its writes are only in Cassandra.",
      ),
      bodyLimitBytes: count(64 * 1024, "API_BODY_LIMIT_BYTES", "Maximum size of a request body, in bytes."),
      certificateFile: file("API_CERTIFICATE_FILE", "Certificate with which the API serves HTTPS; if not set, HTTP."),
      keyFile: file("API_KEY_FILE", "Private key of that certificate."),
    })
    .prefault({}),
  console: z
    .strictObject({
      token: secret(
        "CONSOLE_TOKEN",
        "Token required for everything that changes something in the console; if not set, anyone who reaches it may.",
        16,
      ),
      hosts: hostNames(
        "CONSOLE_HOSTS",
        "Host names that the console accepts besides those in hosts, separated by commas.",
      ),
      folder: setting(
        z.string().min(1).optional(),
        "CONSOLE_FOLDER",
        "Folder in which the console keeps its last hour over a restart; if not set, natively a folder of the stack, and otherwise it is not kept.",
        { example: "/var/lib/user-automation/console" },
      ),
      certificateFile: file(
        "CONSOLE_CERTIFICATE_FILE",
        "Certificate with which the console serves HTTPS; if not set, HTTP.",
      ),
      keyFile: file("CONSOLE_KEY_FILE", "Private key of that certificate."),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: setting(
        z.enum(["debug", "info", "warning", "error"]).default("info"),
        "LOG_LEVEL",
        "Minimum log level: debug, info, warning or error.",
      ),
    })
    .prefault({}),
  keep: z
    .strictObject({
      runDays: count(
        30,
        "KEEP_RUN_DAYS",
        "How long a run's files, its logs and Airflow's record of it are kept after their last change, in days.",
      ),
      logMegabytes: count(
        10,
        "KEEP_LOG_MEGABYTES",
        "Size at which a program's log begins a new file, in megabytes; the last three files are kept.",
      ),
    })
    .prefault({}),
  host: text(
    "127.0.0.1",
    "LISTEN_HOST",
    "Address on which the API, the console, the consumer's metrics and the embedded source listen.",
  ),
  hosts: hostNames(
    "ALLOWED_HOSTS",
    "Host names that these programs accept besides localhost and the address above, separated by commas.",
  ),
  portOffset: setting(
    z.coerce.number().int().min(0).max(65_535).default(0),
    "PORT_OFFSET",
    "Added to every port below, so that a second stack can run; ports set by their own variable stay unchanged.",
  ),
  ports: z
    .strictObject({
      airflow: port(8080, "AIRFLOW_PORT", "Airflow: UI and REST API."),
      schemaRegistry: port(8081, "SCHEMA_REGISTRY_PORT", "Schema Registry."),
      connect: port(8083, "CONNECT_PORT", "Kafka Connect: REST API."),
      kafka: port(9092, "KAFKA_PORT", "Kafka."),
      kafkaController: port(9093, "KAFKA_CONTROLLER_PORT", "Kafka: KRaft controller."),
      cassandra: port(9042, "CASSANDRA_PORT", "Cassandra: CQL."),
      cassandraStorage: port(7000, "CASSANDRA_STORAGE_PORT", "Cassandra: traffic between nodes."),
      postgres: port(5432, "POSTGRES_PORT", "PostgreSQL."),
      api: port(5000, "API_PORT", "API: CRUD, /apidocs, /metrics."),
      console: port(8090, "CONSOLE_PORT", "Console."),
      consumer: port(9464, "CONSUMER_PORT", "Consumer: /healthz, /readyz, /metrics."),
      source: port(3001, "SOURCE_PORT", "The embedded source."),
      sparkMaster: port(7077, "SPARK_MASTER_PORT", "Spark master: job submission."),
      sparkUi: port(9090, "SPARK_UI_PORT", "Spark master: UI."),
      sparkWorkerUi: port(9091, "SPARK_WORKER_UI_PORT", "Spark worker: UI."),
      sparkMetrics: port(9465, "SPARK_METRICS_PORT", "Spark job: /metrics."),
    })
    .prefault({}),
});

import Table from "cli-table3";
import { table } from "../../contract/entity.ts";
import { fields, type User } from "../../contract/user.ts";
import type { CaptureState } from "../../operations/connector.ts";
import { paint, seconds } from "../../runtime/progress.ts";
import { listSettings } from "../../runtime/setting.ts";
import { configuredSource, sourceAddress } from "../../sources/config.ts";
import { authorityOf } from "../certificates.ts";
import { environmentOf } from "../environment.ts";
import { type Instance, usesEmbeddedSource } from "../instance.ts";
import type { StartTimes } from "../lifecycle.ts";
import { servicesOf } from "../services/catalogue.ts";
import type { FinishedRun } from "./dag-run.ts";
import { showCapture } from "./show-capture.ts";

export interface DemoReport {
  times: StartTimes;
  totalMs: number;
  finished: FinishedRun;
  /** Rows in PostgreSQL, rows in Cassandra, new messages in the dead-letter topic. */
  backedUp: number;
  stored: number;
  deadLettered: number;
  latencySeconds: { mean: number | undefined; p99AtMost: number | undefined };
  sample: User[];
  capture: CaptureState;
}

/** The columns of the sample: texts that every user has. */
const columns = fields.filter(({ kind, nullable }) => kind === "text" && !nullable).map(({ name }) => name);

/** Prints the outcome to stdout, from the services to the links to open next. */
export function showReport(instance: Instance, report: DemoReport): void {
  const { finished, sample, latencySeconds } = report;
  const fetch = finished.countsOf("fetch");
  const format = finished.countsOf("format");
  const backup = finished.countsOf("backup");
  const produce = finished.countsOf("produce");

  section(
    "Services",
    ["service", "ready after", "address"],
    servicesOf(instance).map((service) => [
      service.title,
      report.times[service.name] ? seconds(report.times[service.name] ?? 0) : "already running",
      service.address(instance),
    ]),
  );
  section(
    `Airflow run ${finished.id}`,
    ["task", "state", "took"],
    [...finished.tasks].map(([id, { state, seconds: took }]) => [
      id,
      paint(state === "success" ? "green" : "red", state, process.stdout),
      seconds(took * 1000),
    ]),
  );
  section(
    "Users at every hop",
    ["hop", "users", "counted by"],
    [
      ["fetched", fetch.written, sourceOf(instance)],
      ["formatted", format.written, "the task format"],
      ["rejected", fetch.rejected + format.rejected, "the tasks fetch and format"],
      ...(backup.deleted ? [["stay deleted", backup.deleted, "the task backup: they were deleted in PostgreSQL"]] : []),
      ["backed up", report.backedUp, `PostgreSQL, rows of this run in ${table}`],
      ["produced", produce.written, `Kafka, acknowledged in ${instance.config.kafka.topic}`],
      ["stored", report.stored, `Cassandra, rows of this run in ${instance.config.cassandra.keyspace}.${table}`],
      ["dead-lettered", report.deadLettered, `Kafka, new in ${instance.config.kafka.deadLetterTopic}`],
    ],
  );
  console.log(
    `\nProduce → readable: ${milliseconds(latencySeconds.mean)} on average, 99 % within ${milliseconds(latencySeconds.p99AtMost)}`,
  );
  showCapture(report.capture);
  section(
    "Sample users",
    columns,
    sample.map((user) => columns.map((name) => String(user[name]))),
  );

  showLinks(instance);
  console.log(
    `\n${paint("green", "✔", process.stdout)} done in ${seconds(report.totalMs)}; the stack keeps running. Stop it with \`bun run down\`.`,
  );
  console.log(`  Users came from ${sourceOf(instance)}.`);
  if (instance.isSecure)
    console.log(
      `  It is secure: \`bun run env\` has the tokens and passwords; its authority's certificate is ${authorityOf(instance)}.`,
    );
}

/** What to open next, the console first. */
function showLinks(instance: Instance) {
  const { AIRFLOW_URL, AIRFLOW_USER, AIRFLOW_PASSWORD, API_URL, CONSOLE_URL, CONSUMER_URL } = environmentOf(instance);
  const password = instance.isSecure ? "the password AIRFLOW_PASSWORD in `bun run env`" : AIRFLOW_PASSWORD;
  section(
    "Links",
    ["page", "address"],
    [
      ["the console", CONSOLE_URL],
      ["the DAG in Airflow", `${AIRFLOW_URL}/dags/user_automation  (login ${AIRFLOW_USER} / ${password})`],
      ["the API's documentation", `${API_URL}/apidocs`],
      ["the consumer's metrics", `${CONSUMER_URL}/metrics`],
    ],
  );
}

/** Where the users came from and, for the embedded source, how to use the live one. */
function sourceOf(instance: Instance): string {
  if (!usesEmbeddedSource(instance)) return sourceAddress(instance.config);
  const settings = listSettings(configuredSource(instance.config).settings);
  const url = settings.find(({ path }) => path[0] === "url")?.env;
  return `the embedded source (generated users; set ${url} for live ones)`;
}

function section(title: string, head: string[], rows: (string | number | undefined)[][]) {
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...rows.map((row) => row.map((cell) => cell ?? "")));
  console.log(`\n${paint("bold", title, process.stdout)}\n${table.toString()}`);
}

const milliseconds = (value: number | undefined) =>
  value === undefined ? "not measured" : `${(value * 1000).toFixed(0)} ms`;

import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { slot } from "../contract/change-capture.ts";
import { openKafka } from "../runtime/kafka.ts";
import { topicLag } from "../runtime/lag.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { StackError } from "./failure.ts";
import { environmentOf, type Instance, project } from "./instance.ts";
import { tailOf } from "./logs.ts";

/** How change data capture is: null stands for what could not be asked. */
export interface CaptureState {
  /** As Kafka Connect says: RUNNING, FAILED, PAUSED, STOPPED, and MISSING where it is not registered. */
  connector: string;
  /** A connector says RUNNING while its task is FAILED, so the task counts. */
  task: string;
  /** Why connector or task failed, and what to do about it. */
  failure: { reason: string; remedy: string } | null;
  /** How much of its log PostgreSQL keeps back for the connector, in bytes. */
  slotLagBytes: number | null;
  /** Records of the change topic that the consumer has not stored yet. */
  topicLagRecords: number | null;
}

interface ConnectStatus {
  connector: { state: string; trace?: string };
  tasks: { state: string; trace?: string }[];
}

const definition = join(project, "postgres-connector.json");
const registeredWithinMs = 60_000;

/**
 * Registers the connector where Connect does not know it as postgres-connector.json has it, and resolves when its task
 * runs.
 * @throws StackError with the task's own reason where it fails
 */
export async function registerConnector(instance: Instance, stop: AbortSignal): Promise<CaptureState> {
  const body = await Bun.file(definition).text();
  const { name, config } = JSON.parse(body) as { name: string; config: Record<string, string> };
  await removeOutdated(instance, name, config);
  const deadline = Date.now() + registeredWithinMs;
  for (;;) {
    stop.throwIfAborted();
    const status = await statusOf(instance, name);
    if (status === undefined) await post(instance, body);
    const state = stateOf(instance, name, status);
    if (state.failure)
      throw new StackError(`The connector ${name} failed: ${state.failure.reason}`, state.failure.remedy);
    if (state.task === "RUNNING") return await captureState(instance);
    if (Date.now() > deadline)
      throw new StackError(
        `The connector ${name} is ${state.connector}, its task ${state.task}, after ${registeredWithinMs / 1_000} s`,
        "Look at `bun run logs connect`.",
        await tailOf(join(instance.folder, "logs", "connect.log")),
      );
    await Bun.sleep(200);
  }
}

/** What the connector, PostgreSQL and Kafka say about change data capture now. */
export async function captureState(instance: Instance): Promise<CaptureState> {
  const { name } = (await Bun.file(definition).json()) as { name: string };
  const [status, slotLagBytes, topicLagRecords] = await Promise.all([
    statusOf(instance, name).catch(() => null),
    slotLag(instance).catch(() => null),
    changeLag(instance).catch(() => null),
  ]);
  return { ...stateOf(instance, name, status), slotLagBytes, topicLagRecords };
}

/** undefined where Connect does not know the connector. */
async function statusOf(instance: Instance, name: string): Promise<ConnectStatus | undefined> {
  const response = await ask(instance, `/${name}/status`);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`Kafka Connect answers ${response.status}: ${await response.text()}`);
  return (await response.json()) as ConnectStatus;
}

/** Deletes a connector of another configuration; slot and offsets stay, so that the next one goes on where it was. */
async function removeOutdated(instance: Instance, name: string, config: Record<string, string>) {
  const response = await ask(instance, `/${name}/config`);
  if (!response.ok || Bun.deepEquals(await response.json(), { name, ...config })) return;
  const isGone = async () => {
    await ask(instance, `/${name}`, { method: "DELETE" });
    return (await statusOf(instance, name)) === undefined;
  };
  await until(`the earlier connector ${name} is gone`, isGone, { withinMs: registeredWithinMs });
}

async function post(instance: Instance, body: string) {
  const response = await ask(instance, "", { method: "POST", headers: { "content-type": "application/json" }, body });
  // 409: registered by somebody else meanwhile, or Connect is just handing out its tasks; the next look tells.
  if (response.ok || response.status === 409) return;
  throw new StackError(
    `Kafka Connect refuses postgres-connector.json: ${response.status} ${await response.text()}`,
    "Compare the file with Debezium's documentation of the PostgreSQL connector.",
  );
}

const ask = (instance: Instance, path: string, init: RequestInit = {}) =>
  fetch(`${environmentOf(instance).CONNECT_URL}/connectors${path}`, { ...init, signal: AbortSignal.timeout(20_000) });

function stateOf(instance: Instance, name: string, status: ConnectStatus | undefined | null): CaptureState {
  const connector = status ? status.connector.state : status === null ? "UNKNOWN" : "MISSING";
  const trace = status?.tasks.find(({ state }) => state === "FAILED")?.trace ?? status?.connector.trace;
  const url = `${environmentOf(instance).CONNECT_URL}/connectors/${name}`;
  return {
    connector,
    task: status?.tasks[0]?.state ?? "NONE",
    failure: trace ? { reason: reasonOf(trace), remedy: remedyOf(trace, url) } : null,
    slotLagBytes: null,
    topicLagRecords: null,
  };
}

/** The first and the innermost message of a Java stack trace, each on one line. */
export function reasonOf(trace: string): string {
  const messages = trace
    .split("\n")
    .filter((line) => !/^\s+(at|\.\.\.) /.test(line) && line.trim() !== "")
    .map((line) => line.replace(/^Caused by: /, "").replace(/PostgresOffsetContext \[.*\](?=,)/, "its last position"));
  return [...new Set([messages[0], messages.at(-1)])].join("; ");
}

/** What a person can do about a failed task. */
export function remedyOf(trace: string, url: string): string {
  if (/no longer available on the server|requested WAL segment|can no longer (get changes|access)/.test(trace))
    return (
      `PostgreSQL has dropped the replication slot ${slot}, or the log that it needs, and changes since are lost to it. ` +
      `Begin with a new slot and a snapshot: curl -X PUT ${url}/stop && curl -X DELETE ${url}/offsets && ` +
      `curl -X PUT ${url}/resume. Rows deleted in between stay in Cassandra: delete them there through the API.`
    );
  if (/publication/i.test(trace))
    return `Apply contract/generated/change_capture.sql to the database, then: ${restart(url)}`;
  return `Mend the cause, then: ${restart(url)}`;
}

const restart = (url: string) => `curl -X POST "${url}/restart?includeTasks=true&onlyFailed=true"`;

async function slotLag(instance: Instance): Promise<number | null> {
  const sql = openPostgres(environmentOf(instance).POSTGRES_URL ?? "", 1);
  try {
    const [row] = await sql`
      SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint AS bytes
      FROM pg_replication_slots WHERE slot_name = ${slot}`;
    return row?.bytes == null ? null : Number(row.bytes);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function changeLag(instance: Instance): Promise<number> {
  const { config } = instance;
  const kafka = { ...config.kafka, brokers: [`127.0.0.1:${config.ports.kafka}`] };
  const admin = openKafka({ kafka }, "stack", getLogger("stack"), 0).admin();
  await admin.connect();
  try {
    return await topicLag(admin, config.consumer.groupId, kafka.changeTopic);
  } finally {
    await admin.disconnect();
  }
}

import type { Admin } from "kafkajs";
import { slot } from "../contract/entity.ts";
import { askWithAccess, curlFor, type HttpAccess } from "../runtime/http-access.ts";
import type { Postgres } from "../runtime/postgres.ts";
import { topicLag } from "./lag.ts";

/** The request body that registers a connector: postgres-connector.json. */
export interface ConnectorDefinition {
  name: string;
  config: Record<string, string>;
}

/** A connector's status as reported by Kafka Connect. */
export interface ConnectorStatus {
  connector: { state: string; trace?: string };
  tasks: { state: string; trace?: string }[];
}

/** How a person asks for a connector: its address, and `curl` with what Kafka Connect asks for. */
interface Shown {
  url: string;
  curl: string;
}

/** One connector, through Kafka Connect's REST API. Each call is one request; the caller waits for its effect. */
export interface Connector extends Shown {
  /** undefined if Connect does not know the connector. */
  status: () => Promise<ConnectorStatus | undefined>;
  /** undefined if Connect does not know the connector or responds with an error. */
  config: () => Promise<Record<string, string> | undefined>;
  create: (definition: ConnectorDefinition) => Promise<Response>;
  /** Deletes the connector but keeps its slot and its offsets. */
  remove: () => Promise<Response>;
  put: (action: "stop" | "resume") => Promise<Response>;
  restartFailed: () => Promise<Response>;
  deleteOffsets: () => Promise<Response>;
}

/** Kafka Connect's REST API: its URL, and how it lets its clients in. */
export type ConnectApi = { url: string } & HttpAccess;

/** `withinMs` is how long an answer may take. */
export function openConnector(connect: ConnectApi, name: string, withinMs = 30_000): Connector {
  const connectUrl = connect.url;
  const url = `${connectUrl}/connectors/${name}`;
  const call = (address: string, init?: RequestInit) =>
    askWithAccess(address, { ...init, signal: AbortSignal.timeout(withinMs) }, "connect", connect);
  return {
    url,
    curl: curlFor(connect),
    async status() {
      const response = await call(`${url}/status`);
      if (response.status === 404) return undefined;
      if (!response.ok) throw new Error(`Kafka Connect answers ${response.status}: ${await response.text()}`);
      return (await response.json()) as ConnectorStatus;
    },
    async config() {
      const response = await call(`${url}/config`);
      return response.ok ? ((await response.json()) as Record<string, string>) : undefined;
    },
    create: (definition) =>
      call(`${connectUrl}/connectors`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(definition),
      }),
    remove: () => call(url, { method: "DELETE" }),
    put: (action) => call(`${url}/${action}`, { method: "PUT" }),
    restartFailed: () => call(`${url}/restart?includeTasks=true&onlyFailed=true`, { method: "POST" }),
    deleteOffsets: () => call(`${url}/offsets`, { method: "DELETE" }),
  };
}

/** The state of change data capture; a value is null if its service did not respond. */
export interface CaptureState {
  /** As Kafka Connect reports it: RUNNING, FAILED, PAUSED, STOPPED; MISSING if it is not registered. */
  connector: string;
  /** A connector can be RUNNING while its task is FAILED, so the task is what counts. */
  task: string;
  /** Why connector or task failed, and what to do about it. */
  failure: { reason: string; remedy: string } | null;
  /** WAL that PostgreSQL retains for the connector, in bytes. */
  slotLagBytes: number | null;
  /** Records of the change topic that the consumer has not stored yet. */
  topicLagRecords: number | null;
}

interface Clients {
  connector: Connector;
  sql: Postgres;
  admin: Admin;
  groupId: string;
  changeTopic: string;
}

/** The current state of change data capture, from the connector, PostgreSQL and Kafka. Never throws. */
export async function captureState({ connector, sql, admin, groupId, changeTopic }: Clients): Promise<CaptureState> {
  const [status, slotLagBytes, topicLagRecords] = await Promise.all([
    connector.status().catch(() => null),
    slotLag(sql).catch(() => null),
    topicLag(admin, groupId, changeTopic).catch(() => null),
  ]);
  return { ...connectorState(connector, status), slotLagBytes, topicLagRecords };
}

/** States and failure of a connector from its status; null means that Connect did not respond. */
export function connectorState(
  shown: Shown,
  status: ConnectorStatus | undefined | null,
): Pick<CaptureState, "connector" | "task" | "failure"> {
  const trace = status?.tasks.find(({ state }) => state === "FAILED")?.trace ?? status?.connector.trace;
  return {
    connector: status ? status.connector.state : status === null ? "UNKNOWN" : "MISSING",
    task: status?.tasks[0]?.state ?? "NONE",
    failure: trace ? { reason: reasonOf(trace), remedy: remedyOf(trace, shown) } : null,
  };
}

/** The outermost and the innermost message of a Java stack trace, on one line. */
export function reasonOf(trace: string): string {
  const messages = trace
    .split("\n")
    .filter((line) => !/^\s+(at|\.\.\.) /.test(line) && line.trim() !== "")
    .map((line) => line.replace(/^Caused by: /, "").replace(/PostgresOffsetContext \[.*\](?=,)/, "its last position"));
  return [...new Set([messages[0], messages.at(-1)])].join("; ");
}

/** How to fix a failed task. */
export function remedyOf(trace: string, connector: Shown): string {
  if (/no longer available on the server|requested WAL segment|can no longer (get changes|access)/.test(trace))
    return (
      `PostgreSQL has dropped the replication slot ${slot} or the WAL it needs, so the connector has missed changes. ` +
      startOver(connector)
    );
  if (/publication/i.test(trace))
    return `Apply contract/generated/change_capture.sql to the database, then: ${restart(connector)}`;
  return `Fix the cause, then: ${restart(connector)}`;
}

/** How to have a connector whose position is lost begin again. */
export const startOver = ({ url, curl }: Shown) =>
  `Start over with a new slot and a snapshot: ${curl} -X PUT ${url}/stop && ${curl} -X DELETE ${url}/offsets && ` +
  `${curl} -X PUT ${url}/resume. Rows deleted in the meantime stay in Cassandra: delete them through the API.`;

const restart = ({ url, curl }: Shown) => `${curl} -X POST "${url}/restart?includeTasks=true&onlyFailed=true"`;

/** WAL that PostgreSQL retains for the connector, in bytes; null if it has no slot. */
export async function slotLag(sql: Postgres): Promise<number | null> {
  const [row] = await sql`
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint AS bytes
    FROM pg_replication_slots WHERE slot_name = ${slot}`;
  return row?.bytes == null ? null : Number(row.bytes);
}

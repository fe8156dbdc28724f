import { replicationRole, uncapturedSql } from "../../contract/change-capture.ts";
import * as entity from "../../contract/entity.ts";
import { connectorState, openConnector, startOver } from "../connector.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

/** Debezium's connector and its slot in PostgreSQL. */
interface Names {
  connector: string;
  slot: string;
}

/** How long Kafka Connect may take: PostgreSQL's slot is looked at whether it answers or not. */
const connectWithinMs = 4_000;

export const captureChecks = captureChecksOf({ connector: entity.connector, slot: entity.slot });

/** Change capture from PostgreSQL to its topic; nothing is looked at if changes are not applied. */
export function captureChecksOf(names: Names): Check[] {
  const ifApplied =
    (look: (clients: Clients, names: Names) => Promise<Finding[]>): Check["look"] =>
    (clients) =>
      clients.config.cdc.apply ? look(clients, names) : [];
  return [
    { what: "the connector", of: ["Kafka Connect", "PostgreSQL"], look: ifApplied(lookAtConnector) },
    { what: "the preparation for change capture", of: ["PostgreSQL"], look: ifApplied(lookAtPreparation) },
    { what: "the replication slot", of: ["PostgreSQL"], look: ifApplied(lookAtSlot) },
    { what: "who reads the replication slot", of: ["Kafka Connect", "PostgreSQL"], look: ifApplied(lookAtReader) },
  ];
}

async function lookAtConnector({ config, web, cures }: Clients, { connector: name }: Names): Promise<Finding[]> {
  if (web.connect === undefined) return [];
  const connector = openConnector({ url: web.connect, ...config.connect }, name, connectWithinMs);
  const { curl } = connector;
  const url = cures.address(connector.url);
  const state = connectorState({ url, curl }, await connector.status());
  const finding = (cause: string, cure: string): Finding => ({
    severity: "error",
    about: `connector ${name}`,
    cause,
    cure,
  });
  const { failure } = state;
  if (failure) return [finding(`its task has failed: ${failure.reason}`, failure.remedy)];
  if (state.connector === "MISSING")
    return [
      finding(
        "is not registered, so changes in PostgreSQL do not reach Cassandra",
        `Register it: \`${curl} -X POST -H 'Content-Type: application/json' ${cures.address(`${web.connect}/connectors/`)} -d @postgres-connector.json\``,
      ),
    ];
  if (state.connector === "PAUSED" || state.connector === "STOPPED")
    return [
      finding(
        `is ${state.connector.toLowerCase()}: changes in PostgreSQL wait, and its WAL grows`,
        `Resume it: \`${curl} -X PUT ${url}/resume\``,
      ),
    ];
  if (state.connector === "RUNNING" && state.task === "RUNNING") return [];
  return [
    finding(
      `connector ${state.connector.toLowerCase()}, task ${state.task.toLowerCase()}`,
      `Restart it unless that passes: \`${curl} -X POST "${url}/restart?includeTasks=true"\``,
    ),
  ];
}

async function lookAtPreparation({ sql, cures }: Clients): Promise<Finding[]> {
  const about = "change capture in PostgreSQL";
  const findings: Finding[] = [];
  const [role] =
    await sql`SELECT rolreplication AND rolcanlogin AS fit FROM pg_roles WHERE rolname = ${replicationRole}`;
  if (!role?.fit)
    findings.push({
      severity: "error",
      about,
      cause: role
        ? `the role ${replicationRole} may not log in or replicate`
        : `there is no role ${replicationRole}, with which Debezium logs in`,
      cure: `As a superuser: \`${role ? "ALTER" : "CREATE"} ROLE ${replicationRole} LOGIN REPLICATION\`, then ${cures.prepareCapture()}`,
    });
  const missing = await sql.unsafe<{ what: string }[]>(uncapturedSql);
  if (missing.length > 0)
    findings.push({
      severity: "error",
      about,
      cause: `without ${missing.map(({ what }) => what).join(", ")}, changes are lost or cannot be ordered`,
      cure: `Apply contract/generated/change_capture.sql: ${cures.prepareCapture()}`,
    });
  return findings;
}

/** A replication slot, in bytes of WAL. */
interface Slot {
  active: boolean;
  status: "reserved" | "extended" | "unreserved" | "lost" | null;
  retained: number;
  /** null if it is unlimited. */
  limit: number | null;
}

async function slotOf({ sql }: Clients, name: string): Promise<Slot | undefined> {
  const [slot] = await sql<Slot[]>`
    SELECT active, wal_status AS status,
      pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS retained,
      (SELECT nullif(setting::float8, -1) * 1024 * 1024 FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS limit
    FROM pg_replication_slots WHERE slot_name = ${name}`;
  return slot;
}

/** The connector's state in Kafka Connect, and where to change it; undefined if Connect's address is not known. */
async function readerOf({ config, web, cures }: Clients, name: string) {
  if (web.connect === undefined) return undefined;
  const connector = openConnector({ url: web.connect, ...config.connect }, name, connectWithinMs);
  const { curl } = connector;
  const state = connectorState(connector, await connector.status().catch(() => null));
  return { curl, url: cures.address(connector.url), state };
}

/** Whether the slot has kept, and will keep, all WAL that the connector needs. */
async function lookAtSlot(clients: Clients, { connector: name, slot: slotName }: Names): Promise<Finding[]> {
  const [slot, reader] = await Promise.all([slotOf(clients, slotName), readerOf(clients, name)]);
  if (!slot || !reader) return [];
  const { curl, url, state } = reader;
  const about = `replication slot ${slotName}`;
  if (slot.status === "lost") {
    if (state.failure) return []; // the connector's finding
    const cause = "PostgreSQL has dropped WAL that it needs, so the connector has missed changes";
    return [{ severity: "error", about, cause, cure: startOver({ url, curl }) }];
  }
  if (!isFilling(slot)) return [];
  return [
    {
      severity: "warning",
      about,
      cause: `holds back ${mebibytes(slot.retained)} of WAL; at ${mebibytes(slot.limit)} PostgreSQL drops it, and changes are lost`,
      cure: slot.active
        ? "Let the connector catch up, or raise max_slot_wal_keep_size"
        : `Let the connector run: \`${curl} ${url}/status\` says why it does not`,
    },
  ];
}

/** Whether the connector's task, if it runs, reads the slot. */
async function lookAtReader(clients: Clients, { connector: name, slot: slotName }: Names): Promise<Finding[]> {
  const [slot, reader] = await Promise.all([slotOf(clients, slotName), readerOf(clients, name)]);
  if (reader?.state.task !== "RUNNING" || slot?.active) return []; // without a task, the connector is what is wrong
  if (slot && (slot.status === "lost" || isFilling(slot))) return []; // the slot's finding
  const cause = slot
    ? "nobody reads it although the connector's task runs"
    : "is missing although the connector's task runs";
  const restart = `\`${reader.curl} -X POST "${reader.url}/restart?includeTasks=true"\``;
  return [
    {
      severity: "warning",
      about: `replication slot ${slotName}`,
      cause,
      cure: `Restart the task unless that passes: ${restart}`,
    },
  ];
}

const isFilling = (slot: Slot): slot is Slot & { limit: number } =>
  slot.limit !== null && slot.retained > slot.limit / 2;

const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;

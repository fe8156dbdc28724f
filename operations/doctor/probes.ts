import { shownAddress } from "../../runtime/addresses.ts";
import { askWithAccess, type HttpServer } from "../../runtime/http-access.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients, WebAddresses } from "./clients.ts";
import { type Check, type Finding, programs, refusalFinding, type Service } from "./finding.ts";

/** What a service is asked with. */
export type ProbeClients = Pick<Clients, "config" | "web" | "sql" | "cassandra" | "admin">;

/** How a service is asked whether it works, and what else is worth a look if it does not. */
interface Probe {
  service: Exclude<Service, "the stack">;
  /** Where it is; undefined if it is not known to be there. */
  address: (clients: ProbeClients) => string | undefined;
  /** Rejects unless the service works. */
  ask: (clients: ProbeClients, stop: AbortSignal) => Promise<unknown>;
  /** Where its address is set. */
  setting: string;
}

export const probes: readonly Probe[] = [
  {
    service: "PostgreSQL",
    address: ({ config }) => new URL(config.postgres.url).host,
    ask: async ({ sql }) => sql`SELECT 1`,
    setting: "postgres.url (POSTGRES_URL)",
  },
  {
    service: "Cassandra",
    address: ({ config }) => config.cassandra.contactPoints.join(", "),
    ask: ({ cassandra }) => cassandra.execute("SELECT release_version FROM system.local"),
    setting: "cassandra.contactPoints (CASSANDRA_CONTACT_POINTS)",
  },
  overHttp("Schema Registry", "registry", "/subjects", "schemaRegistry.url (SCHEMA_REGISTRY_URL)"),
  overHttp("Kafka Connect", "connect", "/health", "CONNECT_URL"),
  overHttp("Airflow", "airflow", "/api/v2/version", "AIRFLOW_URL"),
  overHttp("the embedded source", "source", "/healthz", "EMBEDDED_SOURCE_URL"),
  overHttp("the API", "api", "/readyz", "API_URL"),
  overHttp("the console", "console", "/healthz", "CONSOLE_URL"),
  overHttp("Spark", "spark", "/json/", "SPARK_URL"),
];

/** A check for each service: whether it answers. Those of Kafka and the consumer are in kafka.ts and consumer.ts. */
export const probeChecks: Check[] = probes.map((probe) => checkOf(probe));

function checkOf(probe: Probe): Check {
  return {
    what: "its health",
    of: [probe.service],
    async look(clients, stop) {
      const address = probe.address(clients);
      if (address === undefined) return [];
      try {
        await probe.ask(clients, stop);
        return [];
      } catch (error) {
        return [refusalFinding(error, probe.service) ?? silence(probe, address, error, clients)];
      }
    },
  };
}

/** The error of a service that answers, and says that it cannot work. */
class Complaint extends Error {}

function silence({ service, setting }: Probe, address: string, error: unknown, { cures }: Clients): Finding {
  const host = address.includes("://") ? new URL(address).host : (address.split(", ")[0] ?? "");
  return {
    severity: "error",
    about: service,
    cause: `does not work at ${address}: ${messageOf(error).split("\n")[0]}`,
    cure: error instanceof Complaint ? cures.log(programs[service]) : cures.restore(programs[service], host, setting),
    explains: [service],
  };
}

/** The settings of the services that have some for how they let clients in. */
const groups: Partial<Record<keyof WebAddresses, HttpServer>> = { registry: "schemaRegistry", connect: "connect" };

function overHttp(
  service: Probe["service"],
  name: Exclude<keyof WebAddresses, "consumer">,
  path: string,
  setting: string,
): Probe {
  return {
    service,
    address({ web, config }) {
      if (name === "connect" && !config.cdc.apply) return undefined; // then nothing needs it
      return web[name] && shownAddress(web[name]);
    },
    async ask({ config, web }, signal) {
      const url = web[name] ?? "";
      const init = { signal, headers: { connection: "close" } };
      const group = groups[name];
      const response = group
        ? await askWithAccess(`${url}${path}`, init, group, { url, ...config[group] })
        : await fetch(`${url}${path}`, init);
      if (response.ok || (name === "connect" && response.status === 404)) return; // before 3.9 it has no /health
      const text = await response.text();
      throw new Complaint(
        `${path} responds with status ${response.status}: ${text.trim().replaceAll(/\s+/g, " ").slice(0, 300)}`,
      );
    },
    setting,
  };
}

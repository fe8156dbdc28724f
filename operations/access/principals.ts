import { createHmac } from "node:crypto";

export type Server = "kafka" | "cassandra" | "registry" | "postgres" | "connect" | "airflow";

/**
 * Who logs in to the servers of a secure stack, a principal a program, and to which of them. `operate` is the operator, at
 * the command line and in a shell with `bun run env`; `admin` is the stack itself, and tests.
 */
const servers = {
  tasks: ["kafka", "registry", "postgres"],
  consumer: ["kafka", "cassandra", "registry"],
  api: ["kafka", "cassandra", "registry"],
  console: ["kafka", "cassandra", "registry", "postgres", "connect", "airflow"],
  spark: ["kafka", "cassandra", "registry"],
  operate: ["kafka", "cassandra", "registry", "postgres", "connect", "airflow"],
  admin: ["kafka", "cassandra", "registry", "postgres", "connect", "airflow"],
  connect: ["kafka"],
  broker: ["kafka"],
  source: [],
} as const satisfies Record<string, readonly Server[]>;

export type Principal = keyof typeof servers;

/** The principals that log in to a server. */
export const principalsOf = (server: Server): Principal[] =>
  (Object.keys(servers) as Principal[]).filter((name) => mayUse(name, server));

export const mayUse = (principal: Principal, server: Server) =>
  (servers[principal] as readonly Server[]).includes(server);

/** Whether a principal may only read the registry's schemas. */
export const onlyReadsSchemas = (principal: Principal) => principal === "consumer" || principal === "spark";

/** A password that exists only where the key does, the same at every call: a principal has another one for each server. */
export const passwordFrom = (key: string, principal: string, server: string) =>
  createHmac("sha256", key).update(`${principal}@${server}`).digest("base64url");

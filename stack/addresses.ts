import { clusterNodes } from "../operations/native-stack.ts";
import { authorityOf } from "./certificates.ts";
import type { Instance } from "./instance.ts";

/** host:port of a service of the stack. Everything listens on loopback only. */
export const local = (port: number) => `127.0.0.1:${port}`;

/** The addresses of the brokers and of the Cassandra nodes. */
export const nodesOf = ({ isCluster }: Pick<Instance, "isCluster">) => (isCluster ? clusterNodes : ["127.0.0.1"]);

/** host:port of every node. */
export const everyNode = (instance: Pick<Instance, "isCluster">, port: number) =>
  nodesOf(instance).map((host) => `${host}:${port}`);

/** The name of a node's program, data and log: that of its service, in a cluster with its number, counted from 1. */
export const nodeName = ({ isCluster }: Pick<Instance, "isCluster">, service: string, index: number) =>
  isCluster ? `${service}-${index + 1}` : service;

/** How the stack's own servers are reached, whatever is set for others: without TLS and, but for PostgreSQL, a login. */
export const ownAccess = {
  KAFKA_TLS: "false",
  KAFKA_SASL_MECHANISM: "none",
  CASSANDRA_TLS: "false",
  CASSANDRA_SECURE_CONNECT_BUNDLE: "", // none
  POSTGRES_SSLMODE: "disable",
};

/** PostgreSQL's superuser: the stack itself, and tests. */
export const superuser = "postgres";

export const postgresUrl = (
  { config }: Pick<Instance, "config">,
  { role, password, database }: { role: string; password: string; database: string },
) => `postgres://${role}${password && `:${password}`}@${local(config.ports.postgres)}/${database}`;

export const superuserUrl = (instance: Pick<Instance, "config" | "secrets">, database: string) =>
  postgresUrl(instance, { role: superuser, password: instance.secrets.postgresSuperuser, database });

/** How the stack itself uses PostgreSQL. */
export const superuserAccess = (instance: Instance, database: string) => ({
  url: superuserUrl(instance, database),
  ...(instance.isSecure && { sslmode: "verify-full" as const, caFile: authorityOf(instance) }),
});

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../runtime/config.ts";

type Env = Record<string, string | undefined>;

/** Whether this is the compiled binary; it has no checkout, and so no native stack. */
export const isCompiled = Bun.main.startsWith("/$bunfs/");

/** The checkout. The compiled binary has none. */
export const project = resolve(import.meta.dir, "..");

/** The folder of the stack of single nodes, which may not exist: `STACK_DIR`, or .stack in the checkout. */
const plainFolder = (env: Env = process.env): string => resolve(env.STACK_DIR || join(project, ".stack"));

/** The folder of the native stack that commands act on, which may not exist: the cluster's from its start to `down`. */
export function stackFolder(env: Env = process.env): string {
  const folder = plainFolder(env);
  return existsSync(clusterWanted(folder)) ? clusterFolder(folder) : folder;
}

/** The cluster's own data, beside that of the single nodes. */
export const clusterFolder = (plain: string) => join(plain, "cluster");

/** A file in the folder of the single nodes that exists while commands act on the cluster. */
export const clusterWanted = (plain: string) => join(plain, "run", "cluster-wanted");

/** The loopback addresses of the cluster's brokers and of its Cassandra nodes; all use the same ports. */
export const clusterNodes = ["127.0.0.11", "127.0.0.12", "127.0.0.13"];

/** Whether one of the servers that the settings name is the native stack's. */
export function usesStack({ kafka, postgres, cassandra, schemaRegistry, ports }: Config): boolean {
  if (isCompiled) return false;
  const hosts = [
    new URL(postgres.url).host,
    new URL(schemaRegistry.url).host,
    ...kafka.brokers,
    ...cassandra.contactPoints,
  ];
  const own = [ports.postgres, ports.schemaRegistry, ports.kafka, ports.cassandra];
  return hosts.some((host) => own.some((port) => isOwn(host, port)));
}

/** Whether all of the servers that the settings name are the native stack's. */
export function usesOnlyStack({ kafka, postgres, cassandra, schemaRegistry, ports }: Config): boolean {
  return (
    isOwn(new URL(postgres.url).host, ports.postgres) &&
    isOwn(new URL(schemaRegistry.url).host, ports.schemaRegistry) &&
    kafka.brokers.every((host) => isOwn(host, ports.kafka)) &&
    cassandra.contactPoints.every((host) => isOwn(host, ports.cassandra))
  );
}

const isOwn = (address: string, port: number) =>
  ["127.0.0.1", "localhost", ...clusterNodes].some((host) => address === `${host}:${port}`);

/** The URL of PostgreSQL; for the native stack's own server with the password that the stack has generated. */
export function postgresUrl({ postgres, ports }: Pick<Config, "postgres" | "ports">, env: Env = process.env): string {
  const url = new URL(postgres.url);
  const file = join(stackFolder(env), "secrets.json");
  if (url.password === "" && url.host === `127.0.0.1:${ports.postgres}` && existsSync(file))
    url.password = (JSON.parse(readFileSync(file, "utf8")) as { postgresUsers: string }).postgresUsers;
  return url.href;
}

/** The folder of Airflow's runs, if this machine has one: `RUNS_DIR`, or the native stack's. */
export function runsFolder(env: Env = process.env): string | undefined {
  const folder = env.RUNS_DIR || join(stackFolder(env), "runs");
  return existsSync(folder) ? folder : undefined;
}

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../runtime/config.ts";

type Env = Record<string, string | undefined>;

/** Whether this is the compiled binary; it has no checkout, and so no native stack. */
export const isCompiled = Bun.main.startsWith("/$bunfs/");

/** The checkout. The compiled binary has none. */
export const project = resolve(import.meta.dir, "..");

/** The folder of the native stack, which may not exist: `STACK_DIR`, or .stack in the checkout. */
export const stackFolder = (env: Env = process.env): string => resolve(env.STACK_DIR || join(project, ".stack"));

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
  return own.some((port) => hosts.includes(`127.0.0.1:${port}`) || hosts.includes(`localhost:${port}`));
}

/** Whether all of the servers that the settings name are the native stack's. */
export function usesOnlyStack({ kafka, postgres, cassandra, schemaRegistry, ports }: Config): boolean {
  const isOwn = (host: string, port: number) => host === `127.0.0.1:${port}` || host === `localhost:${port}`;
  return (
    isOwn(new URL(postgres.url).host, ports.postgres) &&
    isOwn(new URL(schemaRegistry.url).host, ports.schemaRegistry) &&
    kafka.brokers.every((host) => isOwn(host, ports.kafka)) &&
    cassandra.contactPoints.every((host) => isOwn(host, ports.cassandra))
  );
}

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

import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, listSettings, loadConfig } from "../runtime/config.ts";
import { type Installation, install } from "./install.ts";
import { keepSecrets, type Secrets } from "./secrets.ts";

/**
 * One stack: a folder that holds all that it keeps, and the ports that it listens on. Two stacks with different folders
 * and ports never touch each other.
 */
export interface Instance {
  /** `STACK_DIR`: data/, logs/, run/, runs/ and secrets.json. */
  folder: string;
  config: Config;
  secrets: Secrets;
  installed: Installation;
  /** The environment that the stack was opened with. */
  env: NodeJS.ProcessEnv;
}

/** The project's own folder. */
export const project = resolve(import.meta.dir, "..");

/**
 * Opens the stack that the environment names (`STACK_DIR`, the `*_PORT` variables), installing what it needs. From then
 * on this process, and all that it starts, writes for its owner only: users' data and passwords are everywhere.
 */
export async function openInstance(given = process.env): Promise<Instance> {
  const file = join(project, "config.yaml"); // from whichever folder the stack is opened
  const env: NodeJS.ProcessEnv = { ...(existsSync(file) && { CONFIG_FILE: file }), ...given };
  process.umask(0o077);
  const folder = resolve(env.STACK_DIR || join(project, ".stack"));
  for (const name of ["data", "logs", "run", "runs"]) {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o700); // an earlier version left them open
  }
  return {
    folder,
    config: loadConfig(env),
    secrets: keepSecrets(join(folder, "secrets.json")),
    installed: await install(env),
    env,
  };
}

/** The folder that a service keeps its data in; it exists. */
export function dataFolder({ folder }: Pick<Instance, "folder">, service: string): string {
  const path = join(folder, "data", service);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Whether users come from the source that the stack runs itself, and not from an address that the user gave. */
export function usesEmbeddedSource({ config }: Pick<Instance, "config">): boolean {
  const { host, hostname } = new URL(config.randomuser.url);
  const own = `127.0.0.1:${config.ports.source}`;
  return config.source === "randomuser" && (host === own || host === own.replace(hostname, "localhost"));
}

/**
 * Where everything is, and what the user has set: what the stack's programs see, and what `env` prints for clients and
 * tasks outside of it, which know neither config.yaml nor .env of the project's folder.
 */
export function environmentOf(instance: Instance): Record<string, string> {
  const { config, secrets, installed, folder, env } = instance;
  const { ports } = config;
  const local = (port: number) => `127.0.0.1:${port}`;
  const portVariables = listSettings()
    .filter(({ path }) => path[0] === "ports")
    .map(({ path, env }) => [env, String(ports[path[1] as keyof typeof ports])]);
  return {
    STACK_DIR: folder,
    ...(env.CONFIG_FILE && { CONFIG_FILE: resolve(env.CONFIG_FILE) }),
    ...Object.fromEntries(listSettings().flatMap(({ env: name }) => (env[name] ? [[name, env[name]]] : []))),
    ...Object.fromEntries(portVariables),
    KAFKA_BROKERS: local(ports.kafka),
    SCHEMA_REGISTRY_URL: `http://${local(ports.schemaRegistry)}/apis/ccompat/v7`,
    POSTGRES_URL: `postgres://users:${secrets.postgresUsers}@${local(ports.postgres)}/users`,
    CONNECT_URL: `http://${local(ports.connect)}`,
    CASSANDRA_CONTACT_POINTS: local(ports.cassandra),
    CASSANDRA_LOCAL_DATA_CENTER: "datacenter1",
    RANDOMUSER_URL: config.randomuser.url,
    AIRFLOW_URL: `http://${local(ports.airflow)}`,
    AIRFLOW_USER: "admin",
    AIRFLOW_PASSWORD: "admin",
    API_URL: `http://${local(ports.api)}`,
    CONSUMER_URL: `http://${local(ports.consumer)}`,
    SPARK_MASTER_URL: `spark://localhost:${ports.sparkMaster}`,
    SPARK_UI_URL: `http://localhost:${ports.sparkUi}`,
    SPARK_JOB: join(folder, "run", "spark-job"),
    TASKS_BIN: join(project, "dist", "tasks"),
    RUNS_DIR: join(folder, "runs"),
    PYTHON: installed.python,
    JAVA_HOME: installed.javaHome,
  };
}

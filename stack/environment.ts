import { join, resolve } from "node:path";
import { mayUse, type Principal } from "../operations/access/principals.ts";
import { allSettings, type Config, loadConfig } from "../sources/config.ts";
import { everyNode, local, nodesOf, ownAccess, postgresUrl } from "./addresses.ts";
import { type Instance, project } from "./instance.ts";
import { loginsOf } from "./principals.ts";

/**
 * The addresses of all services and the settings given, as environment variables. The stack's programs run with it, and
 * `env` prints it for clients and tasks that run elsewhere and read neither config.yaml nor .env of the project's folder.
 * On a secure stack, it has what a principal needs to log in, and no passwords of others.
 */
export function environmentOf(instance: Instance, principal: Principal = "operate") {
  const { config, secrets, installed, folder, env, isSecure, isCluster } = instance;
  const { ports } = config;
  const web = isSecure ? "https" : "http";
  const role = { role: "users", password: secrets.postgresUsers, database: "users" };
  return {
    ...settingsOf(instance),
    ...ownAccess,
    STACK_DIR: folder,
    ...(env.CONFIG_FILE && { CONFIG_FILE: resolve(env.CONFIG_FILE) }),
    KAFKA_BROKERS: everyNode(instance, ports.kafka).join(","),
    SCHEMA_REGISTRY_URL: `${web}://${local(ports.schemaRegistry)}/apis/ccompat/v7`,
    POSTGRES_URL: postgresUrl(instance, isSecure && !mayUse(principal, "postgres") ? { ...role, password: "" } : role),
    CONNECT_URL: `${web}://${local(ports.connect)}`,
    CASSANDRA_CONTACT_POINTS: everyNode(instance, ports.cassandra).join(","),
    CASSANDRA_LOCAL_DATA_CENTER: "datacenter1",
    EMBEDDED_SOURCE_URL: `http://${local(ports.source)}/api/1.4/`,
    AIRFLOW_URL: `http://${local(ports.airflow)}`,
    AIRFLOW_USER: "admin",
    AIRFLOW_PASSWORD: isSecure ? "" : "admin",
    API_URL: `${web}://${local(ports.api)}`,
    CONSOLE_URL: `${web}://${local(ports.console)}`,
    CONSUMER_URL: `http://${local(ports.consumer)}`,
    SPARK_MASTER_URL: `spark://localhost:${ports.sparkMaster}`,
    SPARK_UI_URL: `http://localhost:${ports.sparkUi}`,
    SPARK_JOB: join(folder, "run", "spark-job"),
    TASKS_BIN: join(project, "dist", "tasks"),
    RUNS_DIR: join(folder, "runs"),
    PYTHON: installed.python,
    JAVA_HOME: installed.java17Home,
    ...(isCluster && {
      KAFKA_REPLICATION_FACTOR: String(nodesOf(instance).length),
      CASSANDRA_REPLICATION_FACTOR: String(nodesOf(instance).length),
    }),
    ...(isSecure && loginsOf(instance, principal)),
  };
}

/** The settings with which the stack itself uses its services. */
export const ownConfig = (instance: Instance): Config =>
  loadConfig({ ...instance.env, ...environmentOf(instance, "admin") });

/**
 * Every setting in the given environment, and the effective value of every port. The programs run in folders of their
 * own, so names of files are absolute. PostgreSQL's password is in its URL.
 */
function settingsOf({ config, env }: Instance): Record<string, string> {
  return Object.fromEntries(
    allSettings
      .filter(({ env: name }) => name !== "POSTGRES_PASSWORD")
      .flatMap(({ path: [group, key], env: name, isFile, secret }) => {
        const value = group === "ports" ? config.ports[key as keyof typeof config.ports] : env[name];
        const fileVariable = `${name}_FILE`;
        const file = secret ? env[fileVariable] : undefined;
        if (file) return [[fileVariable, resolve(file)]];
        return value === undefined || value === "" ? [] : [[name, isFile ? resolve(String(value)) : String(value)]];
      }),
  );
}

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { local } from "../addresses.ts";
import { authorityOf } from "../certificates.ts";
import { environmentOf } from "../environment.ts";
import { dataFolder, type Instance, project } from "../instance.ts";
import { scriptOf } from "../supervisor/configuration.ts";
import { migrateAirflow } from "./airflow-database.ts";
import type { Program, Service } from "./service.ts";

/** Airflow as three processes; tasks run in the scheduler's worker processes (plugins/waiting_executor.py). */
export const airflow: Service = {
  name: "airflow",
  title: "Airflow",
  dependsOn: ["postgres"],
  ports: ["airflow"],
  startsTogether: true, // a task that starts before the API server does waits for it
  stopsInReverse: true, // a task that is stopped tells the API server
  address: ({ config }) => `http://${local(config.ports.airflow)}`,

  async prepare(instance, stop) {
    const home = dataFolder(instance, "airflow");
    // Airflow's simple auth manager reads passwords from a file; unless the stack is secure, this login is public.
    const { AIRFLOW_USER, AIRFLOW_PASSWORD } = environmentOf(instance);
    writeFileSync(passwordsFile(instance), JSON.stringify({ [AIRFLOW_USER]: AIRFLOW_PASSWORD }), { mode: 0o600 });

    if (instance.isSecure) writeOperateScript(instance);

    // Even when there is nothing to do it takes seconds, so it runs once per installed version.
    const migrated = join(home, "migrated-by");
    const version = basename(dirname(dirname(instance.installed.python)));
    if (existsSync(migrated) && readFileSync(migrated, "utf8") === version) return;
    await migrateAirflow(instance, { ...instance.env, ...airflowEnvironment(instance) }, stop);
    writeFileSync(migrated, version);
  },

  programs: (instance) => [
    // These two can be killed safely: the API server stops serving at once, but its interpreter takes long to exit.
    { ...program(instance, "airflow-dag-processor", ["dag-processor"]), stopWithinSeconds: 5 },
    { ...program(instance, "airflow-api-server", ["api-server", "--workers", "1"], servesTasks), stopWithinSeconds: 5 },
    // -s: no log server, which would listen on every address.
    program(instance, "airflow-scheduler", ["scheduler", "-s"], isHealthy),
    housekeeping(instance),
  ],
};

/** A script that runs the operator's commands with the operator's logins: the tasks' own are for other rights. */
function writeOperateScript(instance: Instance) {
  const env = environmentOf(instance, "operate");
  const script = scriptOf({ name: "operate", argv: [join(env.TASKS_BIN, "operate")], env }, instance);
  writeFileSync(operateScript(instance), `${script.trimEnd()} "$@"\n`, { mode: 0o700 });
}

const operateScript = ({ folder }: Instance) => join(folder, "run", "operate");

/** The environment of every Airflow process and of the `airflow` command. */
export function airflowEnvironment(instance: Instance): Record<string, string> {
  const { config, secrets, folder } = instance;
  const stack = environmentOf(instance, "tasks");
  const settings = {
    AIRFLOW_HOME: dataFolder(instance, "airflow"),
    CORE__DAGS_FOLDER: join(project, "dags"),
    CORE__LOAD_EXAMPLES: "False",
    CORE__PLUGINS_FOLDER: join(project, "plugins"),
    CORE__EXECUTOR: "waiting_executor.WaitingExecutor",
    CORE__PARALLELISM: "4", // the scheduler forks this many workers when it starts
    CORE__FERNET_KEY: secrets.airflowFernetKey,
    CORE__EXECUTION_API_SERVER_URL: `${stack.AIRFLOW_URL}/execution/`,
    CORE__SIMPLE_AUTH_MANAGER_USERS: `${stack.AIRFLOW_USER}:admin`,
    CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE: passwordsFile(instance),
    DATABASE__SQL_ALCHEMY_CONN: `postgresql+psycopg2://airflow:${secrets.postgresAirflow}@${local(config.ports.postgres)}/airflow`,
    API__HOST: "127.0.0.1",
    API__PORT: String(config.ports.airflow),
    API__BASE_URL: stack.AIRFLOW_URL,
    API__SECRET_KEY: secrets.airflowApiSecretKey,
    API_AUTH__JWT_SECRET: secrets.airflowJwtSecret,
    SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: "0", // the executor waits
    DAG_PROCESSOR__REFRESH_INTERVAL: "10",
    DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL: "300", // of a file that has not changed
    DAG_PROCESSOR__PARSING_PROCESSES: "1",
    WORKERS__EXECUTION_API_TIMEOUT: "30",
    WORKERS__EXECUTION_API_RETRIES: "9", // with growing pauses: about two minutes, more than the API server takes to start
    LOGGING__BASE_LOG_FOLDER: join(folder, "logs", "airflow"),
    LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS: "0o700",
    LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS: "0o600",
    USAGE_DATA_COLLECTION__ENABLED: "False",
  };
  const named = Object.entries(settings).map(([name, value]) => [
    name.includes("__") ? `AIRFLOW__${name}` : name,
    value,
  ]);
  // Tasks inherit the stack's addresses and the project's settings.
  return {
    ...stack,
    ...Object.fromEntries(named),
    ...postgresTls(instance),
    ...(instance.isSecure && { OPERATE: operateScript(instance) }),
  };
}

/**
 * TLS to PostgreSQL, on a secure stack. Forked processes share a connection until the child drops it, which breaks TLS, so
 * none is kept open there.
 */
const postgresTls = (instance: Instance): Record<string, string> =>
  instance.isSecure
    ? {
        PGSSLMODE: "verify-full",
        PGSSLROOTCERT: authorityOf(instance),
        AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_ENABLED: "False",
      }
    : { PGSSLMODE: "disable" };

const passwordsFile = (instance: Instance) => join(dataFolder(instance, "airflow"), "passwords.json");

const program = (instance: Instance, name: string, args: string[], ready?: Program["ready"]): Program => ({
  name,
  argv: [instance.installed.python, join(import.meta.dir, "start_airflow.py"), ...args],
  cwd: dataFolder(instance, "airflow"),
  env: airflowEnvironment(instance),
  stopWithinSeconds: 30,
  ready,
});

/** Removes old runs, once a day. It calls the `airflow` command. */
const housekeeping = (instance: Instance): Program => {
  const { installed, config, env } = instance;
  return {
    name: "airflow-housekeeping",
    argv: ["bash", join(project, "script", "housekeeping.sh")],
    cwd: dataFolder(instance, "airflow"),
    env: {
      ...airflowEnvironment(instance),
      PATH: `${dirname(installed.tool("airflow"))}:${env.PATH}`,
      KEEP_RUN_DAYS: String(config.keep.runDays),
    },
  };
};

const get = (instance: Instance, path: string) =>
  fetch(`${environmentOf(instance).AIRFLOW_URL}${path}`, { signal: AbortSignal.timeout(20_000) });

/** Checks the API and the execution API, which tasks use and whose first response takes seconds. */
async function servesTasks(instance: Instance) {
  for (const path of ["/api/v2/version", "/execution/health"]) {
    const response = await get(instance, path);
    if (!response.ok) throw new Error(`Airflow responded to ${path} with status ${response.status}`);
  }
}

async function isHealthy(instance: Instance) {
  const health = (await (await get(instance, "/api/v2/monitor/health")).json()) as Record<string, { status?: string }>;
  for (const part of ["metadatabase", "scheduler", "dag_processor"])
    if (health[part]?.status !== "healthy")
      throw new Error(`Airflow's ${part} is ${health[part]?.status ?? "missing"}`);
}

/** The commands that cures name: natively `bun run …`, in containers `docker compose …`. */
export interface Cures {
  /** Starts a program of the stack that is not running. */
  start: (program: string) => string;
  restart: (program: string) => string;
  log: (program: string) => string;
  /** A command of the operator's command line. */
  operate: (command: string) => string;
  /** A command of Airflow's own command line. */
  airflow: (command: string) => string;
  sql: (statement: string) => string;
  cql: (statement: string) => string;
  /** Sets settings of a topic, `name=value`, separated by commas. */
  configureTopic: (topic: string, settings: string) => string;
  /** Prepares PostgreSQL for change capture: applies contract/generated/change_capture.sql. */
  prepareCapture: () => string;
}

export const curesOf = (isNative: boolean): Cures => (isNative ? native : inContainers);

const alter = (topic: string, settings: string) =>
  `--alter --entity-type topics --entity-name ${topic} --add-config ${settings}`;

const native: Cures = {
  start: () => "`bun run up`",
  restart: () => "`bun run down && bun run up`",
  log: (program) => `\`bun run logs ${program}\``,
  operate: (command) => `\`bun run ${command}\``,
  airflow: (command) => `\`bun run airflow ${command}\``,
  sql: (statement) => `\`bun run sql "${statement}"\``,
  cql: (statement) => `\`bun run cqlsh -e "${statement}"\``,
  configureTopic: (topic, settings) => `\`bun run kafka-configs ${alter(topic, settings)}\``,
  prepareCapture: () => "`bun run up`",
};

const psql = "docker compose exec postgres psql -U users users";

/** Its name in docker-compose.yml, where that differs from the native stack's. */
const containers: Record<string, string> = { kafka: "broker", "airflow-api-server": "airflow-apiserver" };
const containerOf = (program: string) => containers[program] ?? program;

const inContainers: Cures = {
  start: (program) => `\`docker compose up -d ${containerOf(program)}\``,
  restart: (program) => `\`docker compose restart ${containerOf(program)}\``,
  log: (program) => `\`docker compose logs ${containerOf(program)}\``,
  operate: (command) => `\`docker compose run --rm operate ${command}\``,
  airflow: (command) => `\`docker compose exec airflow-scheduler airflow ${command}\``,
  sql: (statement) => `\`${psql} -c "${statement}"\``,
  cql: (statement) => `\`docker compose exec cassandra cqlsh -e "${statement}"\``,
  configureTopic: (topic, settings) =>
    `\`docker compose exec broker kafka-configs --bootstrap-server broker:29092 ${alter(topic, settings)}\``,
  prepareCapture: () => `\`${psql} -f /contract/change_capture.sql\``,
};

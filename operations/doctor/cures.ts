import { shownAddress } from "../../runtime/addresses.ts";
import type { Config } from "../../runtime/config.ts";

/** What cures name: commands, natively `bun run …`, in containers `docker compose …`, and addresses for a person. */
export interface Cures extends Commands {
  /**
   * A web address as a person can use it, without its login: in containers, services know one another by names that
   * their host does not know.
   */
  address: (url: string) => string;
  /** What to do about a program that does not work at an address (host:port); `setting` says where else it may be. */
  restore: (program: string, address: string, setting: string) => string;
}

interface Commands {
  /** Starts a program of the stack that is not running. */
  start: (program: string) => string;
  restart: (program: string) => string;
  /** What to do about a program that is known to be there and does nothing. */
  revive: (program: string) => string;
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

/** `ports` are those of the host; natively they are the services' own. */
export const curesOf = (ports: Pick<Config["ports"], "connect" | "schemaRegistry">, isNative: boolean): Cures => ({
  ...(isNative ? native : inContainers),
  address(url) {
    const shown = new URL(shownAddress(url));
    const published = new Map([
      ["connect", ports.connect],
      ["schema-registry", ports.schemaRegistry],
    ]).get(shown.hostname);
    if (isNative || published === undefined) return shown.href;
    return `http://localhost:${published}${shown.pathname}`;
  },
  restore(program, address, setting) {
    const host = address.replace(/:\d+$/, "");
    if (isNative && /^(127\.0\.0\.1|localhost)$/.test(host)) return native.revive(program);
    if (!isNative && host === containerOf(program)) return inContainers.revive(program);
    return `Start it, or correct ${setting}`;
  },
});

const alter = (topic: string, settings: string) =>
  `--alter --entity-type topics --entity-name ${topic} --add-config ${settings}`;

const native: Commands = {
  start: () => "`bun run up`",
  restart: () => "`bun run down && bun run up`",
  revive: (program) => `See ${native.log(program)}`,
  log: (program) => `\`bun run logs ${program}\``,
  operate: (command) => `\`bun run ${command}\``,
  airflow: (command) => `\`bun run airflow ${command}\``,
  sql: (statement) => `\`bun run sql "${statement}"\``,
  cql: (statement) => `\`bun run cqlsh -e "${statement}"\``,
  configureTopic: (topic, settings) => `\`bun run kafka-configs ${alter(topic, settings)}\``,
  prepareCapture: () => "`bun run up`",
};

const psql = "docker compose exec postgres psql -U users users";

/** A program's name in docker-compose.yml, where it differs. */
const containers: Record<string, string> = { kafka: "broker", "airflow-api-server": "airflow-apiserver" };
const containerOf = (program: string) => containers[program] ?? program;

const inContainers: Commands = {
  start: (program) => `\`docker compose up -d ${containerOf(program)}\``,
  restart: (program) => `\`docker compose restart ${containerOf(program)}\``,
  revive: (program) => `Start it: ${inContainers.start(program)}; ${inContainers.log(program)} says more`,
  log: (program) => `\`docker compose logs ${containerOf(program)}\``,
  operate: (command) => `\`docker compose run --rm operate ${command}\``,
  airflow: (command) => `\`docker compose exec airflow-scheduler airflow ${command}\``,
  sql: (statement) => `\`${psql} -c "${statement}"\``,
  cql: (statement) => `\`docker compose exec cassandra cqlsh -e "${statement}"\``,
  configureTopic: (topic, settings) =>
    `\`docker compose exec broker kafka-configs --bootstrap-server broker:29092 ${alter(topic, settings)}\``,
  prepareCapture: () => `\`${psql} -f /contract/change_capture.sql\``,
};

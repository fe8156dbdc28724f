import { shownAddress } from "../../runtime/addresses.ts";
import type { Config } from "../../runtime/config.ts";
import { operatorCommand } from "../../runtime/operator-command.ts";

/**
 * What cures name: commands, natively `bun run …`, with Docker Compose `docker compose …`, and addresses for a person. Of servers
 * elsewhere nobody knows how they are started, so their cures name what to do, and only commands that work anywhere.
 */
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
  /** "Start it", a program that is not running. */
  start: (program: string) => string;
  /** "Restart the consumer". */
  restart: (program: string) => string;
  /** What to do about a program that is known to be there and does nothing. */
  revive: (program: string) => string;
  /** "See its log". */
  log: (program: string) => string;
  /** A command of the operator's command line. */
  operate: (command: string) => string;
  /** A command of Airflow's own command line. */
  airflow: (command: string) => string;
  sql: (statement: string) => string;
  cql: (statement: string) => string;
  /** Sets settings of a topic, `name=value`, separated by commas. */
  configureTopic: (topic: string, settings: string) => string;
  /** Ends the transaction that is open at an offset. */
  abortTransaction: (topic: string, partition: number, offset: bigint) => string;
  /** Prepares PostgreSQL for change capture: applies contract/generated/change_capture.sql. */
  prepareCapture: () => string;
}

/** Where the services run: on the native stack, or as the command says by which the operator's commands are called. */
export type Place = "native" | "compose" | "kubernetes" | "elsewhere";

export function placeOf(isNative: boolean, { OPERATE_COMMAND = "" }: NodeJS.ProcessEnv = process.env): Place {
  if (isNative) return "native";
  if (OPERATE_COMMAND.startsWith("docker compose")) return "compose";
  return OPERATE_COMMAND.startsWith("kubectl") ? "kubernetes" : "elsewhere";
}

/** `ports` are those of the host; natively they are the services' own. */
export const curesOf = (ports: Pick<Config["ports"], "connect" | "schemaRegistry">, place: Place): Cures => ({
  ...commands[place],
  address(url) {
    const shown = new URL(shownAddress(url));
    const published = new Map([
      ["connect", ports.connect],
      ["schema-registry", ports.schemaRegistry],
    ]).get(shown.hostname);
    if (place !== "compose" || published === undefined) return shown.href;
    return `http://localhost:${published}${shown.pathname}`;
  },
  restore(program, address, setting) {
    const host = address.replace(/:\d+$/, "");
    if (place === "native" && /^(127\.0\.0\.1|localhost)$/.test(host)) return native.revive(program);
    if (place === "compose" && host === containerOf(program)) return inCompose.revive(program);
    return `Start it, or correct ${setting}`;
  },
});

const alter = (topic: string, settings: string) =>
  `--alter --entity-type topics --entity-name ${topic} --add-config ${settings}`;

const abort = (topic: string, partition: number, offset: bigint) =>
  `abort --topic ${topic} --partition ${partition} --start-offset ${offset}`;

const native: Commands = {
  start: () => "Start it: `bun run up`",
  restart: (program) => `Restart the ${program}: \`bun run down && bun run up\``,
  revive: (program) => native.log(program),
  log: (program) => `See its log: \`bun run logs ${program}\``,
  operate: (command) => `\`bun run ${command}\``,
  airflow: (command) => `\`bun run airflow ${command}\``,
  sql: (statement) => `\`bun run sql "${statement}"\``,
  cql: (statement) => `\`bun run cqlsh -e "${statement}"\``,
  configureTopic: (topic, settings) => `\`bun run kafka-configs ${alter(topic, settings)}\``,
  abortTransaction: (...at) => `\`bun run kafka-transactions ${abort(...at)}\``,
  prepareCapture: () => "`bun run up`",
};

const psql = "docker compose exec postgres psql -U users users";

/** A program's name in docker-compose.yml, where it differs. */
const containers: Record<string, string> = { kafka: "broker", "airflow-api-server": "airflow-apiserver" };
const containerOf = (program: string) => containers[program] ?? program;

const inCompose: Commands = {
  start: (program) => `Start it: \`docker compose up -d ${containerOf(program)}\``,
  restart: (program) => `Restart the ${program}: \`docker compose restart ${containerOf(program)}\``,
  revive: (program) => `${inCompose.start(program)}. ${inCompose.log(program)}`,
  log: (program) => `See its log: \`docker compose logs ${containerOf(program)}\``,
  operate: (command) => `\`docker compose run --rm operate ${command}\``,
  airflow: (command) => `\`docker compose exec airflow-scheduler airflow ${command}\``,
  sql: (statement) => `\`${psql} -c "${statement}"\``,
  cql: (statement) => `\`docker compose exec cassandra cqlsh -e "${statement}"\``,
  configureTopic: (topic, settings) =>
    `\`docker compose exec broker kafka-configs --bootstrap-server broker:29092 ${alter(topic, settings)}\``,
  abortTransaction: (...at) =>
    `\`docker compose exec broker kafka-transactions --bootstrap-server broker:29092 ${abort(...at)}\``,
  prepareCapture: () => `\`${psql} -f /contract/change_capture.sql\``,
};

const elsewhere: Commands = {
  start: () => "Start it where it runs",
  restart: (program) => `Restart the ${program} where it runs`,
  revive: () => "Start it, or see its log, where it runs",
  log: () => "See its log where it runs",
  operate: operatorCommand,
  airflow: (command) => `\`airflow ${command}\``,
  sql: (statement) => `\`psql -c "${statement}"\``,
  cql: (statement) => `\`cqlsh -e "${statement}"\``,
  configureTopic: (topic, settings) => `\`kafka-configs.sh --bootstrap-server BROKER ${alter(topic, settings)}\``,
  abortTransaction: (...at) => `\`kafka-transactions.sh --bootstrap-server BROKER ${abort(...at)}\``,
  prepareCapture: () => "`psql -f contract/generated/change_capture.sql`",
};

/** The programs that are Deployments in deploy/kubernetes/base. */
const deployments = ["consumer", "api", "console"];

const inKubernetes: Commands = {
  ...elsewhere,
  start: (program) => (deployments.includes(program) ? rollOut("Start it", program) : elsewhere.start(program)),
  restart: (program) =>
    deployments.includes(program) ? rollOut(`Restart the ${program}`, program) : elsewhere.restart(program),
  revive: (program) => (deployments.includes(program) ? inKubernetes.log(program) : elsewhere.revive(program)),
  log: (program) =>
    deployments.includes(program) ? `See its log: \`kubectl logs deploy/${program}\`` : elsewhere.log(program),
};

const rollOut = (what: string, program: string) => `${what}: \`kubectl rollout restart deploy/${program}\``;

const commands: Record<Place, Commands> = { native, compose: inCompose, kubernetes: inKubernetes, elsewhere };

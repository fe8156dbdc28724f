import { join } from "node:path";
import type { Config } from "../../runtime/config.ts";
import type { SettingInfo } from "../../runtime/setting.ts";
import { clusterNodes } from "../native-stack.ts";
import { conflictsOf, freeOffset } from "../ports.ts";
import { holdersOf } from "../processes.ts";
import { type ProgramState, rpcOf, statesOf } from "../supervisor/programs.ts";
import { exitFindings } from "./exits.ts";
import type { Check, Finding, Service } from "./finding.ts";

/** The native stack of a checkout, whether it runs or not. */
export interface NativeStack {
  /** The folder of its data: `STACK_DIR`, or .stack in the checkout. */
  folder: string;
  /** The checkout. */
  project: string;
  /** Every setting. */
  settings: readonly SettingInfo[];
}

/** The programs' states; undefined if the stack is not running. */
export const programsOf = ({ folder }: Pick<NativeStack, "folder">): Promise<ProgramState[] | undefined> =>
  statesOf(rpcOf(folder)).catch(() => undefined);

/** A service as the stack runs it. */
interface NativeService {
  service: Service;
  /** All that there may be; a cluster has others than single nodes. */
  programs: string[];
  /** Whether each of its programs does the same, so that the others go on without one of them. */
  isReplicated?: boolean;
  ports: (keyof Config["ports"])[];
}

const nodes = (service: string) => clusterNodes.map((_, index) => `${service}-${index + 1}`);

const nativeServices: NativeService[] = [
  { service: "PostgreSQL", programs: ["postgres"], ports: ["postgres"] },
  { service: "Kafka", programs: ["kafka", ...nodes("kafka")], isReplicated: true, ports: ["kafka", "kafkaController"] },
  {
    service: "Cassandra",
    programs: ["cassandra", ...nodes("cassandra")],
    isReplicated: true,
    ports: ["cassandra", "cassandraStorage"],
  },
  { service: "Schema Registry", programs: ["schema-registry"], ports: ["schemaRegistry"] },
  { service: "Kafka Connect", programs: ["connect"], ports: ["connect"] },
  {
    service: "Airflow",
    programs: ["airflow-dag-processor", "airflow-api-server", "airflow-scheduler", "airflow-housekeeping"],
    ports: ["airflow"],
  },
  { service: "the embedded source", programs: ["source"], ports: ["source"] },
  { service: "the consumer", programs: ["consumer", "consumer-2"], isReplicated: true, ports: ["consumer"] },
  { service: "the API", programs: ["api"], ports: ["api"] },
  { service: "the console", programs: ["console"], ports: ["console"] },
  {
    service: "Spark",
    programs: ["spark-master", "spark-worker"],
    ports: ["sparkMaster", "sparkUi", "sparkWorkerUi"],
  },
];

const isUp = ({ state }: ProgramState) => state === "RUNNING" || state === "STARTING";

/** What can keep the stack's programs from running. */
export const supervisorChecks = (stack: NativeStack, config: Config): Check[] => [
  { what: "ports", of: [], look: async () => portFindings(stack, config, (await programsOf(stack)) ?? []) },
  { what: "the supervisor", of: [], look: async () => ((await programsOf(stack)) ? [] : [notRunning(stack)]) },
  { what: "programs", of: [], look: async () => stoppedPrograms((await programsOf(stack)) ?? []) },
];

/** Whether a service's programs exit by themselves: again and again or, if they are still starting, at all. */
export const exitChecks = (stack: NativeStack, isStarting = false): Check[] =>
  nativeServices.map(({ service, programs, isReplicated }) => ({
    what: "exits of its programs",
    of: [service],
    async look() {
      const own = (await programsOf(stack))?.filter(({ name }) => programs.includes(name)) ?? [];
      const scope = { logs: join(stack.folder, "logs"), ...(isStarting && { tooMany: 1 }) };
      const findings = (await Promise.all(own.map((program) => exitFindings(service, program, scope)))).flat();
      return isReplicated && findings.length < own.length
        ? findings.map(({ explains: _, ...finding }) => finding)
        : findings;
    },
  }));

/** Ports of the stack that somebody else holds. */
function portFindings({ folder, settings }: NativeStack, { ports, portOffset }: Config, states: ProgramState[]) {
  const variableOf = (key: string) => settings.find(({ path }) => path.join(".") === `ports.${key}`)?.env ?? "";
  const isKnown = (names: string[]) => names.some((name) => states.some((state) => state.name === name));
  const wanted = nativeServices
    .filter(({ service, programs }) => isKnown(programs) || (states.length === 0 && service !== "Spark"))
    .flatMap(({ service, programs, ports: keys }) =>
      keys.map((key) => ({ service, programs, by: service, port: ports[key], variable: variableOf(key) })),
    );
  const holders = holdersOf(wanted.map(({ port }) => port));
  const taken = wanted.filter(({ port, programs }) => {
    const holder = holders.get(port);
    if (holder === undefined) return false;
    // Another account's process cannot be inspected: it is our own if our program runs.
    if (holder.pid === undefined) return !states.some((state) => programs.includes(state.name) && isUp(state));
    return holder.stack !== folder;
  });
  const offset = () => portOffset + freeOffset(wanted.map(({ port }) => port));
  return conflictsOf(taken, offset).map(({ ports: held, isStack, cause, cure }): Finding => {
    const explains = taken.filter(({ port }) => held.some((each) => each.port === port)).map(({ service }) => service);
    const [service = "the stack"] = explains;
    return { severity: "error", about: isStack ? "the stack" : service, cause, cure, explains };
  });
}

const notRunning = ({ folder }: NativeStack): Finding => ({
  severity: "error",
  about: "the stack",
  cause: `it is not running (its folder: ${folder})`,
  cure: "Start it with `bun run up`",
  explains: nativeServices.map(({ service }) => service),
});

/** Programs that somebody has stopped, or that have not been started yet. */
function stoppedPrograms(states: ProgramState[]): Finding[] {
  return nativeServices.flatMap(({ service, programs, isReplicated }): Finding[] => {
    const known = states.filter(({ name }) => programs.includes(name));
    const own = known.filter(({ state }) => state === "STOPPED" || state === "STOPPING");
    if (own.length === 0) return [];
    const isPart = own.length < known.length;
    const which = isPart ? own.map(({ name }) => name).join(", ") : "it";
    const isNew = own.every(({ wasStarted }) => !wasStarted);
    return [
      {
        severity: isNew ? "warning" : "error",
        about: service,
        cause: `${which} ${isNew ? "has not been started" : "was stopped"}`,
        cure: isNew ? "Start it with `bun run up`, or wait for the one at work" : "Start it with `bun run up`",
        ...(!(isPart && isReplicated) && { explains: [service] }),
      },
    ];
  });
}

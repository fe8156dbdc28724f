import { join } from "node:path";
import type { Config } from "../../runtime/config.ts";
import type { SettingInfo } from "../../runtime/setting.ts";
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
  programs: string[];
  ports: (keyof Config["ports"])[];
}

const nativeServices: NativeService[] = [
  { service: "PostgreSQL", programs: ["postgres"], ports: ["postgres"] },
  { service: "Kafka", programs: ["kafka"], ports: ["kafka", "kafkaController"] },
  { service: "Cassandra", programs: ["cassandra"], ports: ["cassandra", "cassandraStorage"] },
  { service: "Schema Registry", programs: ["schema-registry"], ports: ["schemaRegistry"] },
  { service: "Kafka Connect", programs: ["connect"], ports: ["connect"] },
  {
    service: "Airflow",
    programs: ["airflow-dag-processor", "airflow-api-server", "airflow-scheduler"],
    ports: ["airflow"],
  },
  { service: "the embedded source", programs: ["source"], ports: ["source"] },
  { service: "the consumer", programs: ["consumer"], ports: ["consumer"] },
  { service: "the API", programs: ["api"], ports: ["api"] },
  {
    service: "Spark",
    programs: ["spark-master", "spark-worker"],
    ports: ["sparkMaster", "sparkUi", "sparkWorkerUi"],
  },
];

const isUp = ({ state }: ProgramState) => state === "RUNNING" || state === "STARTING";

/** Checks of what the stack's supervisor runs. Those in `ofServices` are left out if a service's own needs explain them. */
export function nativeChecks(stack: NativeStack, config: Config): { first: Check[]; ofServices: Check[] } {
  let asked: Promise<ProgramState[] | undefined> | undefined;
  const states = () => (asked ??= programsOf(stack));
  const first: Check[] = [
    { what: "ports", of: [], look: async () => portFindings(stack, config, (await states()) ?? []) },
    { what: "the supervisor", of: [], look: async () => ((await states()) ? [] : [notRunning(stack)]) },
    { what: "programs", of: [], look: async () => stoppedPrograms((await states()) ?? []) },
  ];
  const ofServices = nativeServices.map(
    ({ service, programs }): Check => ({
      what: "exits of its programs",
      of: [service],
      async look() {
        const own = (await states())?.filter(({ name }) => programs.includes(name)) ?? [];
        return (
          await Promise.all(own.map((program) => exitFindings(service, program, join(stack.folder, "logs"))))
        ).flat();
      },
    }),
  );
  return { first, ofServices };
}

/** Ports of the stack that somebody else holds. */
function portFindings({ folder, settings }: NativeStack, { ports, portOffset }: Config, states: ProgramState[]) {
  const variableOf = (key: string) => settings.find(({ path }) => path.join(".") === `ports.${key}`)?.env ?? "";
  const isKnown = (names: string[]) => names.some((name) => states.some((state) => state.name === name));
  const wanted = nativeServices
    .filter(({ service, programs }) => service !== "Spark" || isKnown(programs))
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

/** Programs that somebody has stopped. */
function stoppedPrograms(states: ProgramState[]): Finding[] {
  const stopped = states.filter(({ state }) => state === "STOPPED" || state === "STOPPING").map(({ name }) => name);
  return nativeServices.flatMap(({ service, programs }): Finding[] => {
    const own = programs.filter((name) => stopped.includes(name));
    if (own.length === 0) return [];
    const which = own.length === 1 && programs.length === 1 ? "it was stopped" : `${own.join(", ")}: stopped`;
    return [
      { severity: "error", about: service, cause: which, cure: "Start it with `bun run up`", explains: [service] },
    ];
  });
}

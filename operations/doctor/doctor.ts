/** What is wrong with the pipeline: everything that it needs, from this machine to its tables, each looked at once. */
import { join } from "node:path";
import { airflowCheck } from "./airflow.ts";
import { captureChecks } from "./capture.ts";
import { certificateFindings } from "./certificates.ts";
import { type ClientOptions, openClients } from "./clients.ts";
import { clockCheck } from "./clocks.ts";
import { consumerCheck } from "./consumer.ts";
import { deadLettersCheck } from "./dead-letters.ts";
import { examine, type Patience } from "./examine.ts";
import { type Check, type Finding, type Service, services } from "./finding.ts";
import { brokersCheck } from "./kafka.ts";
import { diskFindings, handleFindings, javaFindings, memoryFindings, needs, toolFindings } from "./machine.ts";
import { exitChecks, type NativeStack, programsOf, supervisorChecks } from "./native.ts";
import { openAccessChecks } from "./open-access.ts";
import { probeChecks } from "./probes.ts";
import { registryCheck } from "./registry.ts";
import { secretFileFindings, secretFindings } from "./secrets.ts";
import { type SettingsGiven, settingFindings } from "./settings.ts";
import { sparkCheck } from "./spark.ts";
import { tableChecks } from "./tables.ts";
import { taskBinaryFindings } from "./task-binary.ts";
import { topicsCheck } from "./topics.ts";
import { transactionsCheck } from "./transactions.ts";
import { writesCheck } from "./writes.ts";

export interface Subject extends ClientOptions {
  given: SettingsGiven;
  /** The native stack, if that is what the addresses name. */
  stack?: NativeStack;
}

/** The services that each one cannot work without. */
const dependencies: Partial<Record<Service, Service[]>> = {
  "Schema Registry": ["Kafka"],
  "Kafka Connect": ["Kafka"],
  Airflow: ["PostgreSQL"],
  "the consumer": ["Kafka", "Schema Registry", "Cassandra"],
  "the API": ["Kafka", "Cassandra"],
};

/** Natively the registry's schemas are in PostgreSQL too. */
const dependenciesOf =
  ({ isNative }: Subject) =>
  (service: Service): Service[] => [
    ...(dependencies[service] ?? []),
    ...(isNative && service === "Schema Registry" ? (["PostgreSQL"] as const) : []),
  ];

/** How long the checks may take, in milliseconds. */
const withinMs = 7_500;

/**
 * The time limit of the checks in a command that takes at most ten seconds: what remains after starting, which is slower on
 * a busy machine, less the time to close.
 */
export const withinTenSeconds = (): Patience => ({
  withinMs: Math.min(withinMs, Math.max(2_000, 8_500 - performance.now())),
});

export interface Scope extends Patience {
  /** Whether services are still starting: then only what can keep them from it is looked at. */
  isStarting?: boolean;
}

/** Looks at everything, and resolves with what is wrong, worst first. */
export async function diagnose(subject: Subject, scope: Scope = { withinMs }): Promise<Finding[]> {
  const clients = openClients(subject);
  const checks = scope.isStarting
    ? [...startingChecks(subject), ...exits(subject, true), ifItAnswers(transactionsCheck)]
    : allChecks(subject);
  try {
    return await examine(checks, clients, scope, dependenciesOf(subject));
  } finally {
    await Promise.race([clients.close(), Bun.sleep(500)]);
  }
}

/** In the order in which a check may explain what later ones would say. */
const allChecks = (subject: Subject): Check[] => [
  ...startingChecks(subject),
  ...byService([...exits(subject), brokersCheck, transactionsCheck, ...probeChecks.filter((check) => !isOfApi(check))]),
  topicsCheck,
  registryCheck,
  ...tableChecks,
  ...probeChecks.filter(isOfApi), // it is not ready without a table that fits
  ...captureChecks,
  consumerCheck,
  deadLettersCheck,
  airflowCheck,
  ...openAccessChecks,
  writesCheck,
  sparkCheck,
  clockCheck,
  ...fileChecks(subject),
];

const isOfApi = ({ of }: Check) => of[0] === "the API";

/** What can keep the native stack from starting. */
const startingChecks = ({ given, config, stack, env }: Subject): Check[] => [
  machineCheck("settings", () => settingFindings(given)),
  ...(stack ? [...supervisorChecks(stack, config), ...machineChecks(stack, env)] : []),
];

/** A check of a service that may not be there yet. */
const ifItAnswers = (check: Check): Check => ({
  ...check,
  look: async (clients, stop) => {
    try {
      return await check.look(clients, stop);
    } catch {
      return [];
    }
  },
});

const exits = ({ stack }: Subject, isStarting = false) => (stack ? exitChecks(stack, isStarting) : []);

/** This machine, as far as the native stack needs it. */
function machineChecks(stack: NativeStack, env: ClientOptions["env"]): Check[] {
  const running = async () => (await programsOf(stack))?.filter(({ pid }) => pid > 0) ?? [];
  return [
    machineCheck("the disk", () => diskFindings([stack.folder, stack.project, "/var/lib/user-automation"])),
    machineCheck("memory", async () =>
      memoryFindings((await running()).length > 0 ? needs.memory : needs.memoryToStart),
    ),
    machineCheck("file handles", async () => handleFindings(await running())),
    machineCheck("Java", async () => javaFindings(await running())),
    machineCheck("Node and Python", async () => toolFindings(env.PATH ?? "", (await programsOf(stack)) === undefined)),
  ];
}

/** The files of the stack and of its checkout, and those that the settings name. */
function fileChecks({ given, config, stack, env }: Subject): Check[] {
  const named = machineCheck("files with secrets", () => secretFileFindings(given.settings, config, env));
  if (!stack) return [named];
  const { folder, project, settings } = stack;
  return [
    named,
    machineCheck("secrets", () => secretFindings(folder, join(project, ".env"), settings)),
    machineCheck("certificates", () => certificateFindings(folder)),
    machineCheck("the tasks' binary", () => taskBinaryFindings(env.TASKS_BIN || join(project, "dist", "tasks"))),
  ];
}

const machineCheck = (what: string, look: Check["look"]): Check => ({ what, of: [], look });

/** In the order of `services`, so that what a service needs comes before it. */
const byService = (checks: Check[]) => services.flatMap((service) => checks.filter(({ of }) => of[0] === service));

/** What is wrong with the pipeline: everything that it needs, from this machine to its tables, each looked at once. */
import { join } from "node:path";
import { airflowCheck } from "./airflow.ts";
import { captureChecks } from "./capture.ts";
import { type ClientOptions, openClients } from "./clients.ts";
import { clockCheck } from "./clocks.ts";
import { consumerCheck } from "./consumer.ts";
import { deadLettersCheck } from "./dead-letters.ts";
import { examine, type Patience } from "./examine.ts";
import { type Check, type Finding, type Service, services } from "./finding.ts";
import { brokersCheck, topicsCheck } from "./kafka.ts";
import { diskFindings, handleFindings, javaFindings, memoryFindings, needs, toolFindings } from "./machine.ts";
import { type NativeStack, nativeChecks, programsOf } from "./native.ts";
import { openApiCheck } from "./open-api.ts";
import { probeChecks } from "./probes.ts";
import { registryCheck } from "./registry.ts";
import { secretFindings } from "./secrets.ts";
import { type SettingsGiven, settingFindings } from "./settings.ts";
import { tableChecks } from "./tables.ts";
import { taskBinaryFindings } from "./task-binary.ts";

export interface Subject extends ClientOptions {
  given: SettingsGiven;
  /** The native stack, if that is what the addresses name. */
  stack?: NativeStack;
}

/** The services that each one cannot work without. Natively the registry's schemas are in PostgreSQL. */
const dependencies: Partial<Record<Service, Service[]>> = {
  "Schema Registry": ["PostgreSQL", "Kafka"],
  "Kafka Connect": ["Kafka"],
  Airflow: ["PostgreSQL"],
  "the consumer": ["Kafka", "Schema Registry", "Cassandra"],
  "the API": ["Cassandra"],
};

const withinMs = 8_000;

/** Looks at everything, and resolves with what is wrong, worst first, in less than ten seconds. */
export async function diagnose(subject: Subject, patience: Patience = { withinMs }): Promise<Finding[]> {
  const clients = openClients(subject);
  try {
    return await examine(checksOf(subject), clients, patience, (service) => dependencies[service] ?? []);
  } finally {
    await Promise.race([clients.close(), Bun.sleep(500)]);
  }
}

/** All checks. What an earlier one finds may explain what later ones would say. */
function checksOf({ given, config, isNative, stack, env }: Subject): Check[] {
  const native = stack ? nativeChecks(stack, config) : { first: [], ofServices: [] };
  return [
    { what: "settings", of: [], look: () => settingFindings(given) },
    ...native.first,
    ...(stack ? machineChecks(stack, env) : []),
    ...byService([...native.ofServices, brokersCheck, ...probeChecks(isNative)]),
    topicsCheck,
    registryCheck,
    ...tableChecks,
    ...captureChecks,
    consumerCheck,
    deadLettersCheck,
    airflowCheck(isNative),
    openApiCheck,
    clockCheck,
  ];
}

/** This machine, as far as the native stack needs it. */
function machineChecks(stack: NativeStack, env: ClientOptions["env"]): Check[] {
  const { folder, project, settings } = stack;
  const running = async () => (await programsOf(stack))?.filter(({ pid }) => pid > 0) ?? [];
  const check = (what: string, look: Check["look"]): Check => ({ what, of: [], look });
  return [
    check("the disk", () => diskFindings([folder, project, "/var/lib/user-automation"])),
    check("memory", async () => memoryFindings((await running()).length > 0 ? needs.memory : needs.memoryToStart)),
    check("file handles", async () => handleFindings(await running())),
    check("Java", async () => javaFindings(await running())),
    check("Node and Python", async () => toolFindings(env.PATH ?? "", (await programsOf(stack)) === undefined)),
    check("secrets", () => secretFindings(folder, join(project, ".env"), settings)),
    check("the tasks' binary", () => taskBinaryFindings(env.TASKS_BIN || join(project, "dist", "tasks"))),
  ];
}

/** In the order of `services`, so that what a service needs comes before it. */
const byService = (checks: Check[]) => services.flatMap((service) => checks.filter(({ of }) => of[0] === service));

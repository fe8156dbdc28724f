/**
 * `bun run chaos [SEED]`: a cluster on machines of its own, writers and readers of all kinds, and one fault after the other
 * in an order that the seed decides. Exit code 1 if anything was lost, 2 if it could not be tried.
 */
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { tableText } from "../../runtime/table.ts";
import { registerConnector } from "../../stack/change-capture.ts";
import { StackError } from "../../stack/failure.ts";
import { install } from "../../stack/install/install.ts";
import { up } from "../../stack/lifecycle.ts";
import { openOwnStack } from "../support/own-stack.ts";
import { type Consumers, startConsumers } from "./consumers.ts";
import { type Fault, faultsOf, type KindName, kindNames } from "./faults.ts";
import { expectNamespaces, inMachines, type Machines, openMachines } from "./machines.ts";
import { type Report, runMatrix } from "./matrix.ts";
import { openRandom } from "./random.ts";
import { mountDisks, openWorld, unmountDisks } from "./world.ts";

const usage = `usage: bun run chaos [SEED] [--minutes N] [--per-second N] [--faults KIND,…] [--json]

Starts a cluster on machines of its own (network namespaces), and lets faults happen to it while records are written and
read. After each, everything that was acknowledged must be stored. The same seed has the same faults in the same order.

  --minutes N      begin no fault after that; 8
  --per-second N   writes per second; 100
  --faults KIND,…  only these: ${kindNames.join(", ")}
  --json           print one JSON object instead of a table`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "8" },
    "per-second": { type: "string", default: "100" },
    faults: { type: "string", default: kindNames.join(",") },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const seed = positionals[0] ?? String(Math.floor(Math.random() * 1_000_000));
const [minutes, perSecond] = [Number(options.minutes), Number(options["per-second"])];
const names = options.faults.split(",") as KindName[];

/** Without the services that no record passes. */
const only = ["postgres", "kafka", "schema-registry", "cassandra", "connect", "api"];

async function main(): Promise<number> {
  const interrupted = Promise.withResolvers<number>();
  // Outside the network of machines, the process inside is waited for.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.resolve(130));

  const { python } = await install(process.env);
  const machines = openMachines(python);
  if (machines) return await tryFaults(machines, faketimeOf(python), interrupted.promise);
  await expectNamespaces();
  const given = ["--minutes", options.minutes, "--per-second", options["per-second"], "--faults", options.faults];
  const again = [process.execPath, import.meta.path, ...given, ...(options.json ? ["--json"] : []), "--", seed];
  return await Bun.spawn(inMachines(python, again), { stdio: ["inherit", "inherit", "inherit"] }).exited;
}

/** The library that gives a program another time. */
function faketimeOf(python: string): string {
  const venv = join(dirname(python), "..");
  const libraries = new Bun.Glob("lib/python3*/site-packages/libfaketime/vendor/libfaketime/src/libfaketime.so.1");
  const [library] = [...libraries.scanSync({ cwd: venv, absolute: true })];
  if (library === undefined) throw new Error(`${venv} has no libfaketime`);
  return library;
}

/** Tries faults until the time is over, or until `interrupted` resolves with another exit code. */
async function tryFaults(machines: Machines, faketime: string, interrupted: Promise<number>): Promise<number> {
  const stack = await openOwnStack({ isCluster: true, suffix: "-chaos" });
  const instance = machines.withNodes(stack.instance);
  const environment = { ...(process.env as Record<string, string>), ...stack.environment };
  const reports: Report[] = [];
  await mountDisks(instance, machines);
  let consumers: Consumers | undefined;
  async function run() {
    say(`seed ${seed}, ${minutes} min, ${perSecond} writes a second; starting the cluster`);
    await up(instance, { only });
    await registerConnector(instance, AbortSignal.timeout(120_000));
    consumers = startConsumers(environment, faketime);
    const world = await openWorld(instance, environment, { machines, consumers });
    const faults = duringMinutes(faultsOf(world, openRandom(seed), names));
    for await (const report of runMatrix({ environment, faults, seed, perSecond })) {
      reports.push(report);
      say(lineOf(report));
      for (const anomaly of report.anomalies.slice(0, 10)) say(`  ${anomaly}`);
    }
    return reports.every(({ anomalies }) => anomalies.length === 0) ? 0 : 1;
  }
  let code = 2;
  try {
    code = await Promise.race([run(), interrupted]);
  } finally {
    await consumers?.stop();
    await stack.down();
    await unmountDisks(instance, machines);
    if (options.json) console.log(JSON.stringify({ seed, reports }));
    else if (reports.length > 0) console.log(tableText(head, reports.map(cellsOf)));
    if (code === 1 || code === 2) say(`logs and data: ${stack.folder}`);
    else stack.remove();
  }
  return code;
}

function* duringMinutes(faults: Iterable<Fault>): Generator<Fault> {
  const end = Date.now() + minutes * 60_000;
  for (const fault of faults) {
    if (Date.now() >= end) return;
    say(`${fault.name} on ${fault.on} …`);
    yield fault;
  }
}

const head = [
  ...["fault", "on", "acknowledged", "refused", "unknown", "reads"],
  ...["p50 ms", "p99 ms", "longest ms", "recovery ms", "whole ms", "restarts", "wrong"],
];
const cellsOf = (report: Report) => {
  const { fault, on, acknowledged, refused, unknown, reads, p50, p99, longest, recovery, whole, restarts, anomalies } =
    report;
  return [
    ...[fault, on, acknowledged, refused, unknown, reads],
    ...[p50, p99, longest, recovery, whole, restarts, anomalies.length],
  ];
};
const lineOf = (report: Report) =>
  cellsOf(report)
    .map((cell, index) => (index < 2 ? cell : `${head[index]} ${cell}`))
    .join(", ");

/** Progress, on stderr. */
const say = (text: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);

if (options.help) {
  console.log(usage);
  process.exit(0);
}
const unknown = names.filter((name) => !kindNames.includes(name));
if (unknown.length > 0 || !(minutes > 0) || !(perSecond > 0)) {
  if (unknown.length > 0) console.error(`There is no fault ${unknown.join(", ")}.\n`);
  console.error(usage);
  process.exit(2);
}
process.exit(
  await main().catch((error) => {
    if (error instanceof StackError) console.error([error.message, ...error.logTail, error.remedy].join("\n"));
    else console.error(error);
    return 2;
  }),
);

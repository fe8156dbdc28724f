/**
 * What the first minute goes into: runs `bun run demo` in a stack of its own, on free ports and without data, and prints
 * when each step began, which other one it waited for, how long it took and the CPU time of each program until then. The table is
 * of the run with the median total. `bun bench/start.ts [--cold] [--runs 3] [--json]`; needs no running stack.
 *
 * With `--cold`, each run is in a new copy of the project and with empty caches of packages, as on a new machine.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { project } from "../operations/native-stack.ts";
import { freeOffset } from "../operations/ports.ts";
import { rpcOf, statesOf } from "../operations/supervisor/programs.ts";
import { loadConfig } from "../sources/config.ts";
import { measureTree } from "./process-tree.ts";
import { readSteps, type Step } from "./start-steps.ts";

const { values: given } = parseArgs({
  options: {
    cold: { type: "boolean", default: false },
    runs: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});

interface Run {
  seconds: number;
  steps: Step[];
  /** CPU seconds of each program until the end, and of what the command itself ran: installer, compiler, migrations. */
  cpuSeconds: Record<string, number>;
  /** Load of the machine just before. */
  load: number;
}

async function main() {
  const runs: Run[] = [];
  for (let run = 1; run <= Number(given.runs); run++) {
    runs.push(await measure());
    console.error(`run ${run}: ${runs.at(-1)!.seconds.toFixed(1)} s, load before it ${runs.at(-1)!.load.toFixed(1)}`);
  }
  const sorted = runs.toSorted((a, b) => a.seconds - b.seconds);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  if (given.json) console.log(JSON.stringify({ cold: given.cold, cpus: cpus().length, median, runs }));
  else show(median, sorted);
}

/** One demo, from the command to its report. Removes everything that it made. */
async function measure(): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "bench-start-"));
  const place = given.cold ? copyProject(join(folder, "project")) : project;
  const env = environmentOf(folder);
  const load = loadavg()[0]!;
  try {
    const begin = performance.now();
    const demo = Bun.spawn([process.execPath, "run", "--silent", "demo"], {
      cwd: place,
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const { steps, text } = await readSteps(demo.stderr, begin);
    if ((await demo.exited) !== 0) throw new Error(`bun run demo exited with code ${demo.exitCode}:\n${text}`);
    const seconds = (performance.now() - begin) / 1_000;
    const command = Number(demo.resourceUsage()!.cpuTime.total) / 1e6;
    return { seconds, steps, cpuSeconds: { "the command itself": command, ...(await cpuOf(env.STACK_DIR)) }, load };
  } finally {
    const reset = [process.execPath, "stack/main.ts", "reset", "--yes"];
    const removed = Bun.spawnSync(reset, { cwd: place, env, stdio: ["ignore", "ignore", "inherit"] });
    if (removed.success) rmSync(folder, { recursive: true, force: true });
    else console.error(`the stack in ${folder} could not be removed`);
  }
}

/** The caller's environment, with the stack's folder, ports that are free and, when cold, empty caches. */
function environmentOf(folder: string) {
  const cache = join(folder, "cache");
  const { ports } = loadConfig({ CONFIG_FILE: join(project, "config.yaml") });
  return {
    ...process.env,
    STACK_DIR: join(folder, "stack"),
    PORT_OFFSET: String(freeOffset(Object.values(ports))),
    ...(given.cold && {
      USER_AUTOMATION_CACHE: cache,
      ...Object.fromEntries(
        ["BUN_INSTALL_CACHE_DIR", "UV_CACHE_DIR", "PIP_CACHE_DIR"].map((name) => [name, join(folder, name)]),
      ),
    }),
  };
}

/** The project's files as they are in this checkout, without what git ignores. */
function copyProject(to: string): string {
  const listed = Bun.spawnSync(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: project,
  });
  if (!listed.success) throw new Error(`--cold needs a git checkout: ${listed.stderr}`);
  const names = listed.stdout
    .toString()
    .split("\0")
    .filter((name) => name && existsSync(join(project, name)));
  for (const name of names) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    copyFileSync(join(project, name), join(to, name));
  }
  return to;
}

async function cpuOf(stack: string): Promise<Record<string, number>> {
  const states = await statesOf(rpcOf(stack));
  return Object.fromEntries(
    states.filter(({ pid }) => pid > 0).map(({ name, pid }) => [name, measureTree(pid).cpuSeconds]),
  );
}

function show({ seconds, steps, cpuSeconds }: Run, sorted: Run[]) {
  const style = { head: [], border: [], compact: true };
  const table = new Table({ head: ["step", "", "began", "took", "waited for"], style });
  for (const { name, text, began, took, after } of steps.filter((step) => step.took >= 0.05))
    table.push([name, text.slice(0, 60), began.toFixed(1), took.toFixed(1), after ?? ""]);
  console.log(table.toString());

  const cpu = new Table({ head: ["program", "CPU s"], style });
  const byCost = Object.entries(cpuSeconds).toSorted(([, a], [, b]) => b - a);
  for (const [name, used] of byCost) cpu.push([name, used.toFixed(1)]);
  const sum = byCost.reduce((total, [, used]) => total + used, 0);
  cpu.push(["total", sum.toFixed(1)]);
  console.log(cpu.toString());

  const all = sorted.map((run) => `${run.seconds.toFixed(1)} s (load ${run.load.toFixed(1)})`);
  console.log(`${given.cold ? "cold" : "warm"}, ${cpus().length} CPUs, with the load before each: ${all.join(", ")}`);
  console.log(`median: ${seconds.toFixed(1)} s; target: at most ${given.cold ? 60 : 18} s`);
}

await main();

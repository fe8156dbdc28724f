/**
 * The CPU time that a stack uses while nobody uses it, by program, in percent of one core; PostgreSQL's sessions by their role.
 * `bun bench/idle.ts [--seconds 60] [--json]` waits until the running stack is at rest, then measures for that long. CPU time
 * hardly depends on what else the machine does. Exit code 2 if no stack is running, or if it is not at rest within 5 minutes.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { stackFolder } from "../operations/native-stack.ts";
import { listProcesses, treeOf } from "../operations/processes.ts";
import { type Rpc, rpcOf, statesOf } from "../operations/supervisor/programs.ts";
import { openPostgres, type Postgres } from "../runtime/postgres.ts";
import { tableText } from "../runtime/table.ts";
import { superuserAccess } from "../stack/addresses.ts";
import { openInstance } from "../stack/instance.ts";
import { measureTree, ticksPerSecond } from "./process-tree.ts";

/** Longer than anything that happens at intervals on a stack at rest. */
const windowMs = 15_000;
const atRestWithinMs = 5 * 60_000;

class CannotMeasure extends Error {}

/** The CPU time of each process so far, in clock ticks. */
interface Sample {
  atMs: number;
  programs: { name: string; ticksOf: Map<number, number> }[];
  /** The roles of PostgreSQL's sessions, by process id. */
  roleOf: Map<number, string>;
}

async function main() {
  const { seconds, json } = readArguments();
  const folder = stackFolder();
  const rpc = rpcOf(folder);
  const supervisor = await rpc("getPID").catch(() => {
    throw new CannotMeasure(
      `No stack is running in ${folder}. Start one with \`bun run up\`, or choose another with STACK_DIR.`,
    );
  });
  const sql = openPostgres(superuserAccess(await openInstance(), "airflow"), 1);
  try {
    await untilAtRest(Number(supervisor), sql);
    console.error(`at rest; measuring for ${seconds} s`);
    const before = await take(Number(supervisor), rpc, sql);
    await Bun.sleep(seconds * 1_000);
    print(sharesOf(before, await take(Number(supervisor), rpc, sql)), { seconds, json });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function readArguments() {
  const options = { seconds: { type: "string", default: "60" }, json: { type: "boolean", default: false } } as const;
  const { values } = parseArgs({ options });
  const seconds = Number(values.seconds);
  if (!(seconds >= 1)) throw new CannotMeasure("--seconds takes a number of seconds, at least 1");
  return { seconds, json: values.json };
}

/** At rest, no run of a DAG is active, and the stack's CPU time no longer falls as it does when JVMs have just started. */
async function untilAtRest(supervisor: number, sql: Postgres) {
  const giveUpAt = Date.now() + atRestWithinMs;
  const cpuOfWindow = async () => {
    const { cpuSeconds } = measureTree(supervisor);
    await Bun.sleep(windowMs);
    return measureTree(supervisor).cpuSeconds - cpuSeconds;
  };
  for (let previous = Number.POSITIVE_INFINITY; ; ) {
    const current = await cpuOfWindow();
    const [runs] = await sql`SELECT count(*)::int AS active FROM dag_run WHERE state IN ('running', 'queued')`;
    if (runs?.active === 0 && current >= 0.9 * previous) return;
    console.error(`${((100_000 * current) / windowMs).toFixed(0)} % of one core, ${runs?.active} runs active: waiting`);
    if (Date.now() > giveUpAt)
      throw new CannotMeasure(
        `The stack is not at rest after ${atRestWithinMs / 60_000} minutes: does anything use it?`,
      );
    previous = current;
  }
}

async function take(supervisor: number, rpc: Rpc, sql: Postgres): Promise<Sample> {
  const states = await statesOf(rpc);
  const sessions =
    await sql`SELECT pid, usename FROM pg_stat_activity WHERE usename IS NOT NULL AND pid <> pg_backend_pid()`;
  const processes = listProcesses();
  const ticksOf = (tree: typeof processes) => new Map(tree.map(({ pid, cpuTicks }) => [pid, cpuTicks]));
  return {
    atMs: performance.now(),
    programs: [
      ...states
        .filter(({ state }) => state === "RUNNING")
        .map(({ name, pid }) => ({ name, ticksOf: ticksOf(treeOf(pid, processes)) })),
      { name: "supervisor", ticksOf: ticksOf(processes.filter(({ pid }) => pid === supervisor)) },
    ],
    roleOf: new Map(sessions.map(({ pid, usename }) => [pid, usename])),
  };
}

interface Share {
  program: string;
  /** Percent of one core. */
  percent: number;
}

/** The largest first. The time of a session that has ended is PostgreSQL's own. */
function sharesOf(before: Sample, after: Sample): Share[] {
  const percentOf = (ticks: number) => (100_000 * ticks) / ticksPerSecond / (after.atMs - before.atMs);
  const shares = after.programs.flatMap(({ name, ticksOf }) => {
    const earlier = before.programs.find((program) => program.name === name)?.ticksOf ?? new Map<number, number>();
    const bySession = new Map<string, number>();
    for (const [pid, ticks] of name === "postgres" ? ticksOf : []) {
      const role = after.roleOf.get(pid);
      if (role) bySession.set(role, (bySession.get(role) ?? 0) + ticks - (earlier.get(pid) ?? 0));
    }
    const own = sum(ticksOf.values()) - sum(earlier.values()) - sum(bySession.values());
    return [
      { program: name, percent: percentOf(own) },
      ...[...bySession].map(([role, ticks]) => ({
        program: `postgres: sessions of ${role}`,
        percent: percentOf(ticks),
      })),
    ];
  });
  return shares.toSorted((a, b) => b.percent - a.percent);
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);

function print(shares: Share[], { seconds, json }: { seconds: number; json: boolean }) {
  const total = sum(shares.map(({ percent }) => percent));
  const load = loadavg()[0]!;
  const rounded = shares.map(({ program, percent }) => ({ program, percent: Number(percent.toFixed(2)) }));
  if (json) console.log(JSON.stringify({ seconds, load, programs: rounded, percent: Number(total.toFixed(2)) }));
  else {
    const rows = [...shares, { program: "total", percent: total }];
    console.log(
      tableText(
        ["program", "% of one core"],
        rows.map(({ program, percent }) => [program, percent.toFixed(2).padStart(6)]),
      ),
    );
    console.log(`over ${seconds} s; load of the machine ${load.toFixed(1)}`);
  }
}

await main().catch((error: unknown) => {
  if (!(error instanceof CannotMeasure)) throw error;
  console.error(error.message);
  process.exitCode = 2;
});

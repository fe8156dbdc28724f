/**
 * Runs 5,000 users through fetch, format, backup and produce: the compiled tasks, in sequence as in Airflow, against
 * PostgreSQL and Kafka of a running stack. `bun bench/tasks.ts`. The target is 3 s in total on an idle machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { table } from "../contract/entity.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";

const users = 5_000;
const rounds = 5;
const targetSeconds = 3;
const project = join(import.meta.dir, "..");

const stages: [task: string, args: string[]][] = [
  ["fetch", ["--users", String(users), "--seed", "bench", "--output", "raw.jsonl"]],
  ["format", ["--input", "raw.jsonl", "--output", "users.jsonl", "--at", "2026-01-15T06:00:00Z"]],
  ["backup", ["--input", "users.jsonl", "--output", "backup.jsonl"]],
  ["produce", ["--input", "backup.jsonl", "--output", "produced.jsonl"]],
];

interface Figures {
  seconds: number;
  cpuSeconds: number;
}

async function main() {
  const name = `bench_tasks_${Date.now().toString(36)}`;
  const { postgres, ports } = loadConfig();
  const folder = mkdtempSync(join(tmpdir(), "bench-tasks-"));
  const sql = openPostgres(postgres.url);
  await sql.unsafe(`CREATE SCHEMA ${name}`);
  const sourcePort = String(ports.source + 40_000);
  const source = Bun.spawn([process.execPath, join(project, "sources/embedded/main.ts")], {
    env: { ...process.env, SOURCE_PORT: sourcePort },
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    await Bun.$`${process.execPath} ${join(project, "tasks/build.ts")}`.quiet();
    const origin = `http://127.0.0.1:${sourcePort}`;
    await until("the source answers", () => fetch(`${origin}/healthz`), { everyMs: 50 });
    const env = {
      ...process.env,
      KAFKA_TOPIC: name,
      KAFKA_DEAD_LETTER_TOPIC: `${name}.dlq`,
      KAFKA_EDIT_TOPIC: `${name}.edited`,
      POSTGRES_URL: `${postgres.url}?search_path=${name}`,
      RANDOMUSER_URL: `${origin}/api/1.4/`,
    };
    const figures: Figures[][] = [];
    for (let round = 0; round < rounds; round++) {
      await sql.unsafe(`DROP TABLE IF EXISTS ${name}.${table}`);
      const stagesOfRound: Figures[] = [];
      for (const [task, args] of stages) stagesOfRound.push(await measure(task, args, folder, env));
      figures.push(stagesOfRound);
    }
    report(figures);
  } finally {
    source.kill();
    await sql.unsafe(`DROP SCHEMA ${name} CASCADE`);
    await sql.end();
    rmSync(folder, { recursive: true });
  }
}

async function measure(task: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Figures> {
  const begin = performance.now();
  const started = Bun.spawn([join(project, "dist/tasks", task), ...args], {
    cwd,
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if ((await started.exited) !== 0) throw new Error(`${task} exited with code ${started.exitCode}`);
  const seconds = (performance.now() - begin) / 1_000;
  return { seconds, cpuSeconds: Number(started.resourceUsage()!.cpuTime.total) / 1e6 };
}

/** Reports the best round, the least disturbed by other load. The first also creates topics and table. */
function report(rounds: Figures[][]) {
  const total = (round: Figures[], figure: keyof Figures) => round.reduce((sum, each) => sum + each[figure], 0);
  const best = rounds.toSorted((a, b) => total(a, "seconds") - total(b, "seconds"))[0]!;
  const table = new Table({ head: ["task", "s", "CPU s"], style: { head: [], border: [] } });
  stages.forEach(([task], index) => {
    const { seconds, cpuSeconds } = best[index]!;
    table.push([task, seconds.toFixed(2), cpuSeconds.toFixed(2)]);
  });
  const seconds = total(best, "seconds");
  table.push(["total", seconds.toFixed(2), total(best, "cpuSeconds").toFixed(2)]);
  console.log(table.toString());
  console.log(
    `${users} users, best of ${rounds.length} rounds, ${cpus().length} CPUs, load ${loadavg()[0]!.toFixed(1)}`,
  );
  console.log(`target: at most ${targetSeconds} s; took ${((100 * seconds) / targetSeconds).toFixed(0)} % of it`);
}

await main();

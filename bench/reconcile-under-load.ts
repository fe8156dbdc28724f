/**
 * Whether `bun run reconcile` raises a false alarm while the pipeline, statements in PostgreSQL and edits through the API
 * write, often the same users: each run must find nothing lost, different or extra. At the end, when the writers have
 * stopped and everything has arrived, everything must be equal.
 * `bun bench/reconcile-under-load.ts --runs 10 --per-second 500 --users 10000` needs a running stack. Exit code 1 if there
 * was an alarm, or fewer writes than asked for.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { columnArrays, upsertSql } from "../contract/tables.ts";
import { encode } from "../contract/wire.ts";
import type { Finding } from "../operations/reconcile/describe.ts";
import { type Verdict, verdicts } from "../operations/reconcile/verdict.ts";
import { until } from "../runtime/until.ts";
import { newUser, openRecorder } from "../test/faults/records.ts";
import { startApi } from "../test/support/api.ts";
import { openCapture } from "../test/support/capture.ts";
import { everythingArrived, startWrites, type Writes } from "../test/support/writes.ts";
import { startConsumer } from "./own-consumer.ts";

const { values: given } = parseArgs({
  options: {
    runs: { type: "string", default: "10" },
    "per-second": { type: "string", default: "500" },
    users: { type: "string", default: "10000" },
  },
});
const [runs, perSecond, users] = [given.runs, given["per-second"], given.users].map(Number) as [number, number, number];
/** The verdicts that would be false alarms. */
const alarms = verdicts.filter((verdict) => verdict !== "equal" && verdict !== "late");

interface Report {
  users: number;
  counts: Record<Verdict, number>;
  findings: Finding[];
}

async function main(): Promise<boolean> {
  const capture = await openCapture(import.meta.path);
  const env = { ...capture.env, POSTGRES_URL: capture.url, RUNS_DIR: "/nonexistent", LOG_LEVEL: "error" };
  const recorder = await openRecorder(capture);
  const consumer = await startConsumer(env);
  const api = await startApi(env);
  let isFine = true;
  try {
    await capture.connector.register();
    await fill(capture, recorder);
    const writes = startWrites({ capture, recorder, apiUrl: api.url, perSecond });
    try {
      await until("the writers are at work", () => writes.total() > 2 * perSecond, { withinMs: 60_000 });
      for (let run = 1; run <= runs; run++) isFine = (await look(`run ${run}`, env, writes)) && isFine;
    } finally {
      await writes.stop();
    }
    console.log(
      `${writes.total()} writes: ${Object.entries(writes.accepted)
        .map((pair) => pair.join(" "))
        .join(", ")}`,
    );
    await everythingArrived(capture);
    isFine = (await look("after the last write", env)) && isFine;
  } finally {
    api.signal("SIGTERM");
    await Promise.all([api.exited, consumer.stop(), recorder.close()]);
    await capture.close();
  }
  return isFine;
}

/** Users that nobody writes again: the tables take a while to read. */
async function fill(
  { sql }: Awaited<ReturnType<typeof openCapture>>,
  recorder: Awaited<ReturnType<typeof openRecorder>>,
) {
  for (let filled = 0; filled < users; filled += 1_000) {
    const some = Array.from({ length: Math.min(1_000, users - filled) }, newUser);
    await sql.unsafe(upsertSql, columnArrays(some) as never);
    await recorder.sendRecords(some.map((user) => ({ key: user.id, value: encode(user, recorder.schemaId), user })));
  }
}

/** Prints one run, and returns whether it was as it should be. */
async function look(what: string, env: Record<string, string>, writes?: Writes): Promise<boolean> {
  const [begin, before, load] = [performance.now(), writes?.total() ?? 0, loadavg()[0]!.toFixed(1)];
  const command = Bun.spawn([process.execPath, "operate/main.ts", "reconcile", "--json", "--all"], {
    cwd: join(import.meta.dir, ".."),
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await new Response(command.stdout).text();
  const seconds = (performance.now() - begin) / 1_000;
  if ((await command.exited) === 2) return false;
  const { users, counts, findings } = JSON.parse(text) as Report;
  const raised = alarms.reduce((sum, verdict) => sum + counts[verdict], 0);
  const rate = ((writes?.total() ?? 0) - before) / seconds;
  const shown = verdicts.filter((verdict) => counts[verdict] > 0).map((verdict) => `${verdict} ${counts[verdict]}`);
  console.log(
    `${what}: ${seconds.toFixed(1)} s, load ${load}, ${writes ? `${Math.round(rate)} writes/s, ` : ""}${users} users: ` +
      `${shown.join(", ")}; false alarms: ${raised}`,
  );
  for (const finding of findings) console.log(JSON.stringify(finding));
  return raised === 0 && (writes ? rate >= 0.99 * perSecond : counts.late === 0);
}

process.exit((await main()) ? 0 : 1);

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { listProcesses } from "../../operations/processes.ts";
import { type Instance, openInstance } from "../../stack/instance.ts";
import { up } from "../../stack/lifecycle.ts";
import { enableSpark } from "../../stack/services/spark.ts";
import type { Names } from "./names.ts";
import { type StartedProgram, startProgram } from "./program.ts";

/** Adds a Spark cluster to the stack in the environment, unless it already has one. */
export async function startCluster(env = process.env): Promise<Instance> {
  if (env.STACK_FOR_TESTS !== "1")
    throw new Error("this test starts a Spark cluster, so it needs a stack of its own: run it by `bun run test FILE`");
  const instance = await openInstance(env);
  enableSpark(instance);
  await up(instance);
  return instance;
}

/** Submits the job, of a copy of the project if `folder` is given, with a test's own topic, keyspace and checkpoint. */
export const startJob = ({ env, keyspace, folder }: Names & { folder?: string }, ...args: string[]): StartedProgram =>
  startProgram("stack/main.ts", ["spark", "--checkpoint", checkpointOf(env, keyspace), ...args], env, folder);

/** The Spark processes of a stack whose command line contains `word`: drivers and executors, not the daemons. */
export function sparkProcesses({ folder }: Pick<Instance, "folder">, word: string): number[] {
  return listProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        const ofStack = command.includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
        return ofStack && command.includes("org.apache.spark") && command.includes(word);
      } catch {
        return false; // it has ended
      }
    });
}

/** The number of records in all partitions of the job's topic that its checkpoint has committed. */
export async function committedByJob({ env, keyspace, topic }: Names): Promise<number> {
  const query = join(checkpointOf(env, keyspace), "created_users");
  if (!existsSync(join(query, "commits"))) return 0;
  const batches = readdirSync(join(query, "commits")).filter((name) => /^\d+$/.test(name));
  if (batches.length === 0) return 0;
  const last = Math.max(...batches.map(Number));
  const lines = (await Bun.file(join(query, "offsets", String(last))).text()).trim().split("\n");
  const offsets: Record<string, Record<string, number>> = JSON.parse(lines.at(-1)!);
  return Object.values(offsets[topic] ?? {}).reduce((sum, offset) => sum + offset, 0);
}

const checkpointOf = (env: Record<string, string>, name: string) =>
  join(env.STACK_DIR ?? "", "data", "spark", "checkpoints", name);

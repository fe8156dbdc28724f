import { join } from "node:path";
import { type Instance, openInstance } from "../../stack/instance.ts";
import { up } from "../../stack/lifecycle.ts";
import { wantSpark } from "../../stack/spark.ts";
import type { Names } from "./names.ts";
import { type StartedProgram, startProgram } from "./program.ts";

/** Adds a Spark cluster to the stack that the environment names; with one there, it takes no time. */
export async function startCluster(env = process.env): Promise<Instance> {
  if (env.STACK_FOR_TESTS !== "1")
    throw new Error("this test starts a Spark cluster, so it needs a stack of its own: run it by `bun run test FILE`");
  const instance = await openInstance(env);
  wantSpark(instance);
  await up(instance);
  return instance;
}

/** Submits the job for a test's own topic and keyspace; it takes the test's own checkpoint. */
export const startJob = ({ env, keyspace }: Names, ...args: string[]): StartedProgram =>
  startProgram("stack/main.ts", ["spark", "--checkpoint", checkpointOf(env, keyspace), ...args], env);

const checkpointOf = (env: Record<string, string>, name: string) =>
  join(env.STACK_DIR ?? "", "data", "spark", "checkpoints", name);

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { clusterFolder, clusterWanted } from "../operations/native-stack.ts";
import { StackError } from "./failure.ts";
import { clusterMarker, type Instance, openInstance } from "./instance.ts";
import { supervisorOf } from "./supervisor/client.ts";

/**
 * The cluster that belongs to a stack. From now on, until `down`, commands act on it.
 * @throws StackError if the single nodes are running
 */
export async function useCluster(instance: Instance): Promise<Instance> {
  if (instance.isCluster) return instance;
  if (await supervisorOf(instance).isRunning())
    throw new StackError(
      "The stack is running with single nodes",
      "Run `bun run down` first; its data stays. Then run the same command again.",
    );
  const cluster = await openCluster(instance);
  writeFileSync(clusterWanted(instance.folder), "");
  return cluster;
}

/** The cluster that belongs to a stack, without using it. */
export async function openCluster(instance: Instance): Promise<Instance> {
  if (instance.isCluster) return instance;
  const folder = clusterFolder(instance.folder);
  makeCluster(folder);
  return { ...(await openInstance({ ...instance.env, STACK_DIR: folder })), env: instance.env };
}

/** Makes a folder that of a cluster, if it is not yet. */
export function makeCluster(folder: string) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(clusterMarker({ folder }), "");
}

/** From now on commands act on the single nodes. */
export function leaveCluster({ folder }: Instance) {
  const plain = dirname(folder);
  if (folder === clusterFolder(plain)) rmSync(clusterWanted(plain), { force: true });
}

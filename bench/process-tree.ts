import { listProcesses, treeOf } from "../operations/processes.ts";

export const ticksPerSecond = Number(Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString()) || 100;
const pageBytes = Number(Bun.spawnSync(["getconf", "PAGESIZE"]).stdout.toString()) || 4096;

/** CPU seconds of a process and all its descendants, including those that have exited, and the resident bytes of the others (Linux). */
export function measureTree(pid: number): { cpuSeconds: number; residentBytes: number } {
  const tree = treeOf(pid, listProcesses());
  return {
    cpuSeconds: tree.reduce((sum, { cpuTicks }) => sum + cpuTicks, 0) / ticksPerSecond,
    residentBytes: tree.reduce((sum, { residentPages }) => sum + residentPages, 0) * pageBytes,
  };
}

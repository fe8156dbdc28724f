/** The programs of the native stack as its supervisor and the system know them. */
import { listProcesses, residentBytes } from "./processes.ts";
import { type ProgramState, rpcOf, statesOf } from "./supervisor/programs.ts";
import { openRestarts, type Restarts } from "./supervisor/restarts.ts";

export interface StackProgram extends ProgramState {
  /** The memory of the process and its descendants; 0 unless it runs. */
  bytes: number;
  restarts: Restarts;
}

export interface StackPrograms {
  programs: StackProgram[];
  /** Whether the restarts are all since the stack was started; otherwise there may be more. */
  countsAll: boolean;
}

/** Measuring the memory takes Linux tens of milliseconds for a large Java process, so a measurement is kept for this long. */
const memoryKeptMs = 30_000;

/** Looks at the programs of the stack in a folder; undefined if it is not running. */
export function openStackPrograms(folder: string): () => Promise<StackPrograms | undefined> {
  const rpc = rpcOf(folder);
  const restarts = openRestarts(folder);
  const measured = new Map<number, { bytes: number; atMs: number }>();
  function bytesOf(states: ProgramState[]): (pid: number) => number {
    const pids = states.filter(({ state }) => state === "RUNNING").map(({ pid }) => pid);
    const isOld = (pid: number) => Date.now() - (measured.get(pid)?.atMs ?? 0) >= memoryKeptMs;
    const processes = pids.some(isOld) ? listProcesses() : [];
    for (const pid of pids.filter(isOld)) measured.set(pid, { bytes: residentBytes(pid, processes), atMs: Date.now() });
    for (const pid of measured.keys()) if (!pids.includes(pid)) measured.delete(pid);
    return (pid) => measured.get(pid)?.bytes ?? 0;
  }
  return async () => {
    const states = await statesOf(rpc).catch(() => undefined);
    if (states === undefined) return undefined;
    const { byProgram, isWhole } = await restarts();
    const bytes = bytesOf(states);
    const programs = states.map((state) => ({
      ...state,
      bytes: bytes(state.pid),
      restarts: byProgram.get(state.name) ?? { count: 0 },
    }));
    return { programs, countsAll: isWhole };
  };
}

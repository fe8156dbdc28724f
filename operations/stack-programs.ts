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

/** Looks at the programs of the stack in a folder; undefined if it is not running. */
export function openStackPrograms(folder: string): () => Promise<StackPrograms | undefined> {
  const rpc = rpcOf(folder);
  const restarts = openRestarts(folder);
  return async () => {
    const states = await statesOf(rpc).catch(() => undefined);
    if (states === undefined) return undefined;
    const { byProgram, isWhole } = await restarts();
    const processes = listProcesses();
    const programs = states.map((state) => ({
      ...state,
      bytes: state.state === "RUNNING" ? residentBytes(state.pid, processes) : 0,
      restarts: byProgram.get(state.name) ?? { count: 0 },
    }));
    return { programs, countsAll: isWhole };
  };
}

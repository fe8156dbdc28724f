import { join } from "node:path";
import { call, type Value } from "./xml-rpc.ts";

export type State = "STOPPED" | "STARTING" | "RUNNING" | "BACKOFF" | "STOPPING" | "EXITED" | "FATAL" | "UNKNOWN";

/** A program that the native stack's supervisor runs. */
export interface ProgramState {
  name: string;
  state: State;
  pid: number;
  /** How long it has been running, in seconds. */
  uptimeSeconds: number;
  /** Whether this supervisor has ever started it. */
  wasStarted: boolean;
}

/** Calls a method of supervisor's own XML-RPC namespace. Throws if supervisor is not running. */
export type Rpc = (method: string, ...parameters: (string | number | boolean)[]) => Promise<Value>;

/** The supervisor of the stack in a folder. */
export function rpcOf(folder: string): Rpc {
  const socket = socketOf(folder);
  return (method, ...parameters) => call(socket, `supervisor.${method}`, parameters);
}

export async function statesOf(rpc: Rpc): Promise<ProgramState[]> {
  const all = (await rpc("getAllProcessInfo")) as Record<string, string | number>[];
  return all.map(programState);
}

/** Cheaper than that of all. @throws Fault if supervisor does not know the program */
export async function stateOf(rpc: Rpc, program: string): Promise<ProgramState> {
  return programState((await rpc("getProcessInfo", program)) as Record<string, string | number>);
}

const programState = ({ name, statename, pid, now, start }: Record<string, string | number>): ProgramState => ({
  name: name as string,
  state: statename as State,
  pid: pid as number,
  uptimeSeconds: (now as number) - (start as number),
  wasStarted: start !== 0,
});

/** The socket's path, in /tmp for a deep folder, since the path of a Unix socket is limited to about 100 bytes. */
export function socketOf(folder: string): string {
  const inside = join(folder, "run", "supervisor.sock");
  if (Buffer.byteLength(inside) <= 90) return inside;
  const key = new Bun.CryptoHasher("sha256").update(folder).digest("hex").slice(0, 16);
  return `/tmp/user-automation-${process.getuid?.()}-${key}.sock`;
}

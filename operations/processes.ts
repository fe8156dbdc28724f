import { readdirSync, readFileSync, readlinkSync } from "node:fs";

interface Process {
  pid: number;
  parent: number;
  session: number;
  /** CPU time so far, its own and that of children that have exited, in clock ticks. */
  cpuTicks: number;
  residentPages: number;
}

type Kin = Pick<Process, "pid" | "parent">;

/** Parses /proc/PID/stat (proc_pid_stat(5)). The process name is in brackets and may contain anything, including brackets. */
export function parseStat(line: string): Process {
  const afterName = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return {
    pid: Number.parseInt(line, 10),
    parent: Number(afterName[1]),
    session: Number(afterName[3]),
    cpuTicks: afterName.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0),
    residentPages: Number(afterName[21]),
  };
}

/** All readable processes; empty on a system without /proc. */
export function listProcesses(): Process[] {
  return pids()
    .map((pid) => readOrNothing(`/proc/${pid}/stat`))
    .filter((line) => line !== "")
    .map(parseStat);
}

/** The ids of a session's processes that run in one of these folders. */
export function processesOf(session: number, folders: string[]): number[] {
  return listProcesses()
    .filter((process) => process.session === session && folders.some((folder) => runsIn(process.pid, folder)))
    .map(({ pid }) => pid);
}

/** A process and all its descendants. */
export function treeOf<P extends Kin>(root: number, processes: readonly P[]): P[] {
  const children = processes.filter(({ parent }) => parent === root);
  return [...processes.filter(({ pid }) => pid === root), ...children.flatMap(({ pid }) => treeOf(pid, processes))];
}

/** The memory of a process and all its descendants, in bytes; pages they share are counted once. */
export const residentBytes = (
  root: number,
  processes: readonly Kin[] = listProcesses(),
  bytesOf = proportionalBytes,
): number => treeOf(root, processes).reduce((sum, { pid }) => sum + bytesOf(pid), 0);

const proportionalBytes = (pid: number) =>
  memoryIn(readOrNothing(`/proc/${pid}/smaps_rollup`), readOrNothing(`/proc/${pid}/status`));

/**
 * A process's proportional set size in bytes (Linux's PSS): shared pages are divided among the processes that share them. Where
 * that may not be read, as of another account's process in a container, only its own pages.
 */
export function memoryIn(smapsRollup: string, status: string): number {
  const [, kilobytes] = smapsRollup.match(/^Pss:\s+(\d+) kB/m) ?? status.match(/^RssAnon:\s+(\d+) kB/m) ?? [];
  return Number(kilobytes ?? 0) * 1024;
}

/** Who listens on a port. The process is not known if it is another account's. */
export interface Holder {
  pid?: number;
  name: string;
  /** Its working folder. */
  folder?: string;
  /** The folder of the stack that it belongs to. */
  stack?: string;
  /** Whether it can be reached from other machines. */
  isOpen: boolean;
}

/** Who listens on these ports; none on a system without /proc. */
export function holdersOf(ports: readonly number[]): Map<number, Holder> {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(readOrNothing);
  const listeners = ports
    .map((port) => ({ port, sockets: tables.flatMap((table) => listeningSockets(table, port)) }))
    .filter(({ sockets }) => sockets.length > 0);
  const pidOf = new Map<string, number>();
  if (listeners.length > 0)
    for (const pid of pids()) for (const target of openFiles(pid)) if (!pidOf.has(target)) pidOf.set(target, pid);
  const processes = listProcesses();
  return new Map(
    listeners.map(({ port, sockets }) => {
      const isOpen = sockets.some(({ isLoopback }) => !isLoopback);
      const pid = sockets.map(({ socket }) => pidOf.get(socket)).find((found) => found !== undefined);
      if (pid === undefined) return [port, { name: "another process", isOpen }];
      const folder = orElse(undefined, () => readlinkSync(`/proc/${pid}/cwd`));
      return [port, { pid, name: argvOf(pid)[0] || "a process", folder, stack: stackFolderOf(pid, processes), isOpen }];
    }),
  );
}

/** The folder of the stack whose supervisor is an ancestor of a process; undefined if there is none. */
export function stackFolderOf(
  pid: number,
  processes: readonly Kin[] = listProcesses(),
  argv = argvOf,
): string | undefined {
  const [, folder] =
    argv(pid)
      .join("\n")
      .match(/supervisord.*\n(\/.*)\/run\/supervisord\.conf$/s) ?? [];
  if (folder) return folder;
  const parent = processes.find((process) => process.pid === pid)?.parent;
  return parent ? stackFolderOf(parent, processes, argv) : undefined;
}

/** The sockets listening on a port, as `socket:[inode]`, from the text of /proc/net/tcp or tcp6. */
export function listeningSockets(table: string, port: number): { socket: string; isLoopback: boolean }[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const listening = "0A";
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(suffix) && state === listening)
    .map(([, local = "", ...columns]) => ({ socket: `socket:[${columns[7]}]`, isLoopback: loopback.test(local) }));
}

/** 127.0.0.0/8, ::1, and 127.0.0.0/8 as an IPv6 address, each as /proc/net has it on a little-endian machine. */
const loopback = /^([0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F):/;

/** By working folder or by arguments: in a container, root may not see the working folder of another account's process. */
function runsIn(pid: number, folder: string): boolean {
  const cwd = orElse("", () => readlinkSync(`/proc/${pid}/cwd`));
  const places = [cwd, ...argvOf(pid)];
  return places.some((place) => place === folder || place.startsWith(`${folder}/`));
}

const argvOf = (pid: number) => readOrNothing(`/proc/${pid}/cmdline`).split("\0").filter(Boolean);

const openFiles = (pid: number): string[] =>
  orElse<string[]>([], () => readdirSync(`/proc/${pid}/fd`)).map((fd) =>
    orElse("", () => readlinkSync(`/proc/${pid}/fd/${fd}`)),
  );

const pids = () =>
  orElse<string[]>([], () => readdirSync("/proc"))
    .map(Number)
    .filter(Number.isInteger);

const readOrNothing = (file: string) => orElse("", () => readFileSync(file, "utf8"));

/** Reading may fail for another account's process, for one that has just exited, and on a system without /proc. */
function orElse<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

import { type Holder, holdersOf } from "./processes.ts";

/** A port that something of the native stack listens on, or would. */
export interface WantedPort {
  /** What listens on it: "Kafka". */
  by: string;
  port: number;
  /** The variable that moves it. */
  variable: string;
}

/** Ports that others hold: all that one other stack of this project holds, or a single one. */
export interface PortConflict {
  ports: WantedPort[];
  /** Whether another stack of this project holds them. */
  isStack: boolean;
  cause: string;
  cure: string;
}

/** What these ports, which are taken, conflict with. `offset` is the value of PORT_OFFSET that moves all to free ones. */
export function conflictsOf(taken: readonly WantedPort[], offset: () => number): PortConflict[] {
  const holders = holdersOf(taken.map(({ port }) => port));
  const held = taken.map((wanted) => ({ wanted, holder: holders.get(wanted.port) }));
  const [stack] = held.flatMap(({ holder }) => holder?.stack ?? []);
  // A process we cannot inspect runs as another account, as PostgreSQL does under root; assume it is part of that stack.
  const isOther = ({ holder }: (typeof held)[number]) =>
    stack === undefined || (holder?.pid !== undefined && holder.stack !== stack);
  const others = held.filter(isOther).map(({ wanted, holder }) => ({
    ports: [wanted],
    isStack: false,
    cause: `needs port ${wanted.port}, which is in use by ${shown(holder)}`,
    cure: `Stop it, or set ${wanted.variable} to another port`,
  }));
  if (stack === undefined) return others;
  const ports = held.filter((each) => !isOther(each)).map(({ wanted }) => wanted);
  const numbers = ports.map(({ port }) => port).join(", ");
  const cause = `Another stack of this project is running in ${stack} and uses ports ${numbers}`;
  const cure =
    "Stop that stack with `bun run down` in its clone, or run both: add " +
    `PORT_OFFSET=${offset()} to this clone's .env to move all of its ports`;
  return [{ ports, isStack: true, cause, cure }, ...others];
}

function shown(holder: Holder | undefined): string {
  if (holder?.pid === undefined) return "another process";
  const { pid, name, folder } = holder;
  return `${name} (pid ${pid}${folder ? `, in ${folder}` : ""})`;
}

/** The smallest multiple of 100 that moves all ports to free ones. */
export function freeOffset(ports: readonly number[]): number {
  const offsets = Array.from({ length: 50 }, (_, index) => (index + 1) * 100);
  return offsets.find((offset) => ports.every((port) => isFree(port + offset))) ?? 100;
}

/** Whether a port of a loopback address is free. */
export function isFree(port: number, hostname = "127.0.0.1"): boolean {
  try {
    Bun.listen({ hostname, port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

import type { Consumers } from "./consumers.ts";
import type { Machines } from "./machines.ts";
import type { Random } from "./random.ts";

/** What can be done to a program of the stack, or to a consumer. */
export interface Target {
  name: string;
  /** SIGKILL; it comes back by itself. */
  kill: () => Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  /** Stops it gracefully and starts it again; resolves once it runs. */
  restart: () => Promise<void>;
}

/** What runs besides brokers and nodes. */
type Program = "consumer" | "connect" | "registry" | "api";

export interface World {
  brokers: readonly Target[];
  nodes: readonly Target[];
  programs: Readonly<Record<Program, readonly Target[]>>;
  machines?: Machines;
  consumers?: Pick<Consumers, "storm" | "skewClock">;
  /** Fills the disk of a broker's or a node's log, and empties it. */
  disks: readonly { name: string; fill: () => Promise<void>; empty: () => Promise<void> }[];
}

/** A fault that is about to happen. */
export interface Fault {
  name: string;
  /** What it happens to. */
  on: string;
  /**
   * Resolves once the fault is over and nothing holds the services back any more. `isWhole` resolves once all of the
   * cluster is there again.
   */
  happen: (isWhole: () => Promise<void>) => Promise<void>;
  /** Whether records may become dead letters, which are replayed afterwards. */
  makesLetters?: boolean;
}

/** How long what lasts lasts. */
const lasting = { pauseMs: 30_000, splitMs: 20_000, slowMs: 20_000, stormMs: 60_000, fullMs: 20_000, clockMs: 30_000 };
/** A slow link: a few dozen records a second for three replicas. */
const slowKbit = 256;

/** @returns undefined in a world where it cannot happen */
type Kind = (world: World, random: Random) => Fault | undefined;

const anyOf = ({ brokers, nodes, programs }: World, random: Random) =>
  random.oneOf([brokers, nodes, anyProgram(programs, random)].map((some) => random.oneOf(some)));
const anyProgram = (programs: World["programs"], random: Random) => random.oneOf(Object.values(programs));
const killed = (target: Target): Fault => ({ name: "kill -9", on: target.name, happen: target.kill });
const paused = ({ name, pause, resume }: Target) =>
  lastingFault("SIGSTOP for 30 s", name, lasting.pauseMs, pause, resume);
const killedProgram =
  (program: Program): Kind =>
  ({ programs }, random) =>
    killed(random.oneOf(programs[program]));

const kinds = {
  "kill-broker": ({ brokers }, random) => killed(random.oneOf(brokers)),
  "kill-node": ({ nodes }, random) => killed(random.oneOf(nodes)),
  "kill-machine"({ brokers, nodes }, random) {
    const broker = random.oneOf(brokers);
    const node = nodes[brokers.indexOf(broker)] as Target;
    const kill = async () => {
      await Promise.all([broker.kill(), node.kill()]);
    };
    return { name: "kill -9", on: `${broker.name} and ${node.name}`, happen: kill };
  },
  "kill-consumer": killedProgram("consumer"),
  "kill-connect": killedProgram("connect"),
  "kill-registry": killedProgram("registry"),
  "kill-api": killedProgram("api"),
  "pause-broker": ({ brokers }, random) => paused(random.oneOf(brokers)),
  "pause-node": ({ nodes }, random) => paused(random.oneOf(nodes)),
  "pause-program": ({ programs }, random) => paused(random.oneOf(anyProgram(programs, random))),
  restart(world, random) {
    const target = anyOf(world, random);
    return { name: "restart", on: target.name, happen: target.restart };
  },
  split: ({ machines }, random) =>
    machines &&
    ofNetwork("network split 2|1", machines, random, async (machine, others) => {
      await machines.cut(machine, others);
      await Promise.all(others.map((other) => machines.cut(other, [machine])));
    }),
  loss: ({ machines }, random) => machines && ofNetwork("one-way loss", machines, random, machines.cut),
  slow: ({ machines }, random) =>
    machines &&
    ofNetwork(`link of ${slowKbit} kbit/s`, machines, random, (machine) => machines.slow(machine, slowKbit)),
  disk({ disks }, random) {
    if (disks.length === 0) return undefined;
    const { name, fill, empty } = random.oneOf(disks);
    return lastingFault("full disk", name, lasting.fullMs, fill, empty);
  },
  clock({ consumers }, random) {
    if (!consumers) return undefined;
    const hours = random.oneOf([-1, 1]);
    const name = `clock ${hours > 0 ? "ahead" : "behind"} by an hour`;
    return {
      name,
      on: "consumer-1",
      makesLetters: true,
      async happen() {
        const restore = consumers.skewClock(hours);
        await Bun.sleep(lasting.clockMs);
        restore();
      },
    };
  },
  storm: ({ consumers }) =>
    consumers && {
      name: "rebalance storm",
      on: "consumers",
      happen: () => consumers.storm(AbortSignal.timeout(lasting.stormMs)),
    },
  rolling: (world) => ({
    name: "rolling restart",
    on: "everything",
    async happen(isWhole) {
      const programs = Object.values(world.programs).flat();
      for (const target of [...world.brokers, ...world.nodes, ...programs]) {
        await target.restart();
        await isWhole();
      }
    },
  }),
} satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as KindName[];

/** The faults of a seed, without end: every kind once, in an order of the seed, before any comes again. */
export function* faultsOf(
  world: World,
  random: Random,
  names: readonly KindName[] = kindNames,
): Generator<Fault, never> {
  for (;;) {
    const left = [...names];
    while (left.length > 0) {
      const [name] = left.splice(random.below(left.length), 1);
      const fault = name && kinds[name](world, random);
      if (fault) yield fault;
    }
  }
}

function lastingFault(
  name: string,
  on: string,
  ms: number,
  begin: () => Promise<void>,
  end: () => Promise<void>,
): Fault {
  return {
    name,
    on,
    async happen() {
      await begin();
      await Bun.sleep(ms);
      await end();
    },
  };
}

/** A fault of the links of one of three machines. */
function ofNetwork(
  name: string,
  machines: Machines,
  random: Random,
  begin: (machine: number, others: number[]) => Promise<void>,
): Fault {
  const all = [0, 1, 2];
  const machine = random.oneOf(all);
  const others = all.filter((other) => other !== machine);
  return lastingFault(
    name,
    `machine ${machine + 1}`,
    lasting.splitMs,
    () => begin(machine, others),
    async () => {
      await Promise.all(all.map(machines.heal));
    },
  );
}

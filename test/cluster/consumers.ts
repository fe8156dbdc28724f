import { freePort } from "../support/free-port.ts";
import { type StartedProgram, startProgram } from "../support/program.ts";
import type { Target } from "./faults.ts";

type Env = Record<string, string>;

export interface Consumers {
  targets: Target[];
  /** Consumers that come, and are killed or asked to stop a second later, until `stop`. */
  storm: (stop: AbortSignal) => Promise<void>;
  /** Runs the first consumer with a clock that is so many hours ahead, until the function returned is called. */
  skewClock: (hours: number) => () => void;
  /** Ends them all. */
  stop: () => Promise<void>;
}

const consumerCount = 2;

/**
 * Two consumers of the stack's group, which are started again when they end. They are no programs of the stack, since
 * its second one listens on the address of a machine. `faketime` is the library that gives a program another time.
 */
export function startConsumers(env: Env, faketime: string): Consumers {
  const running = new Map<string, StartedProgram>();
  const names = Array.from({ length: consumerCount }, (_, index) => `consumer-${index + 1}`);
  const added: Record<string, Env> = {};
  let stopped = false;

  function start(name: string) {
    const consumer = startConsumer({ ...env, ...added[name] });
    running.set(name, consumer);
    void consumer.exited.then(() => {
      if (!stopped) setTimeout(start, 500, name);
    });
  }
  for (const name of names) start(name);

  const signal = (name: string, which: NodeJS.Signals) => running.get(name)?.signal(which);
  const targets = names.map(
    (name): Target => ({
      name,
      kill: async () => signal(name, "SIGKILL"),
      pause: async () => signal(name, "SIGSTOP"),
      resume: async () => signal(name, "SIGCONT"),
      async restart() {
        const consumer = running.get(name);
        consumer?.signal("SIGTERM");
        await consumer?.exited;
      },
    }),
  );
  return {
    targets,
    async storm(stop) {
      const guests: StartedProgram[] = [];
      for (let count = 0; !stop.aborted; count++) {
        const guest = startConsumer(env);
        guests.push(guest);
        await Bun.sleep(1_000);
        guest.signal(count % 2 === 0 ? "SIGKILL" : "SIGTERM");
      }
      await Promise.all(guests.map(({ exited }) => exited));
    },
    skewClock(hours) {
      const [name = ""] = names;
      added[name] = {
        LD_PRELOAD: faketime,
        FAKETIME: `${hours > 0 ? "+" : ""}${hours}h`,
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      };
      signal(name, "SIGTERM");
      return () => {
        delete added[name];
        signal(name, "SIGTERM");
      };
    },
    async stop() {
      stopped = true;
      for (const consumer of running.values()) {
        consumer.signal("SIGCONT");
        consumer.signal("SIGTERM");
      }
      await Promise.all([...running.values()].map(({ exited }) => exited));
    },
  };
}

const startConsumer = (env: Env) => startProgram("consumer/main.ts", [], { ...env, CONSUMER_PORT: `${freePort()}` });

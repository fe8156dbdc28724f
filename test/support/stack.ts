import { until } from "../../runtime/until.ts";
import { openInstance } from "../../stack/instance.ts";
import { type ProgramState, supervisorOf } from "../../stack/supervisor/client.ts";

/** The services of the stack that a test runs on, to be stopped, started and killed by their program's name. */
export interface StackControl {
  states: () => Promise<ProgramState[]>;
  /** Stops in good order, and resolves when the program has ended. */
  stop: (program: string) => Promise<void>;
  /** Starts, and resolves when the process runs; whether it is ready is for the test to await. */
  start: (program: string) => Promise<void>;
  /** SIGKILL, as a crash would; resolves when supervisor has started the program anew. */
  kill: (program: string) => Promise<void>;
}

/** The control of the stack that the environment names. It refuses any other than a test's own. */
export async function controlStack(env = process.env): Promise<StackControl> {
  if (env.STACK_FOR_TESTS !== "1")
    throw new Error("this test stops services, so it needs a stack of its own: run it by `bun run test FILE`");
  const { states, start, stop, signal } = supervisorOf(await openInstance(env));
  const stateOf = async (program: string) => {
    const found = (await states()).find(({ name }) => name === program);
    if (!found) throw new Error(`the stack runs no program ${program}`);
    return found;
  };
  return {
    states,
    async stop(program) {
      await stop(program);
      await until(`${program} has stopped`, async () => (await stateOf(program)).state === "STOPPED");
    },
    async start(program) {
      await start(program);
      await until(`${program} runs`, async () => (await stateOf(program)).state === "RUNNING");
    },
    async kill(program) {
      const { pid } = await stateOf(program);
      await signal(program, "KILL");
      await until(`${program} runs again`, async () => {
        const now = await stateOf(program);
        return now.state === "RUNNING" && now.pid !== pid;
      });
    },
  };
}

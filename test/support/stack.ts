import type { ProgramState } from "../../operations/supervisor/programs.ts";
import { until } from "../../runtime/until.ts";
import { openInstance } from "../../stack/instance.ts";
import { supervisorOf } from "../../stack/supervisor/client.ts";

/** Stops, starts and kills services of the test's stack by program name. */
export interface StackControl {
  states: () => Promise<ProgramState[]>;
  /** Stops the program gracefully, and resolves once it has stopped. */
  stop: (program: string) => Promise<void>;
  /** Starts the program, and resolves once it is running, though not necessarily ready. */
  start: (program: string) => Promise<void>;
  /** Sends SIGKILL, as in a crash; resolves once supervisor has restarted the program. */
  kill: (program: string) => Promise<void>;
}

/** Controls the stack in the environment, which must be a test's own. */
export async function controlStack(env = process.env): Promise<StackControl> {
  if (env.STACK_FOR_TESTS !== "1")
    throw new Error("this test stops services, so it needs a stack of its own: run it by `bun run test FILE`");
  const { states, start, stop, signal } = supervisorOf(await openInstance(env));
  const stateOf = async (program: string) => {
    const found = (await states()).find(({ name }) => name === program);
    if (!found) throw new Error(`the stack has no program ${program}`);
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

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { processesOf } from "../../operations/processes.ts";
import { until } from "../../runtime/until.ts";
import { StackError } from "../failure.ts";
import type { Instance } from "../instance.ts";
import { postgresFolder } from "../services/postgres-files.ts";
import type { Program } from "../services/service.ts";
import { configurationOf, scriptOf } from "./configuration.ts";
import { call, Fault } from "./xml-rpc.ts";

export type State = "STOPPED" | "STARTING" | "RUNNING" | "BACKOFF" | "STOPPING" | "EXITED" | "FATAL" | "UNKNOWN";

export interface ProgramState {
  name: string;
  state: State;
  pid: number;
  /** Since when it is in this state, in seconds. */
  uptimeSeconds: number;
}

/** What keeps the programs: it restarts them after a crash, writes their logs and stops them without leaving any. */
export interface Supervisor {
  isRunning: () => Promise<boolean>;
  /** Starts supervisor, or tells the running one about programs that are new; it starts no program. */
  launch: (programs: Program[]) => Promise<void>;
  states: () => Promise<ProgramState[]>;
  /** Does nothing for a program that runs already. */
  start: (program: string) => Promise<void>;
  /** Stops a program in good order; does nothing for one that is stopped. */
  stop: (program: string) => Promise<void>;
  /** Sends a signal, KILL for instance; supervisor starts a program anew that it did not stop itself. */
  signal: (program: string, signal: string) => Promise<void>;
  /** Ends supervisor itself and whatever is left of its programs. */
  shutdown: () => Promise<void>;
}

const faults = { badName: 10, notRunning: 70, alreadyStarted: 60, alreadyAdded: 90 };

export function supervisorOf(instance: Instance): Supervisor {
  const run = join(instance.folder, "run");
  const pidFile = join(run, "supervisord.pid");
  const socket = socketOf(instance.folder);
  const folders = [instance.folder, postgresFolder(instance)];
  const rpc = (method: string, ...parameters: (string | number | boolean)[]) => call(socket, method, parameters);
  const unless = (code: number) => (error: unknown) => {
    if (!(error instanceof Fault) || error.code !== code) throw error;
  };

  const self: Supervisor = {
    isRunning: async () => {
      try {
        await rpc("supervisor.getState");
        return true;
      } catch {
        return false;
      }
    },

    async launch(programs) {
      for (const program of programs)
        writeFileSync(join(run, `${program.name}.sh`), scriptOf(program, instance), { mode: 0o700 });
      const configuration = join(run, "supervisord.conf");
      writeFileSync(configuration, configurationOf(programs, instance.folder, socket), { mode: 0o600 });
      if (await self.isRunning()) {
        const [[added]] = (await rpc("supervisor.reloadConfig")) as [[string[], string[], string[]]];
        for (const name of added) await rpc("supervisor.addProcessGroup", name).catch(unless(faults.alreadyAdded));
        return;
      }
      await endLeftovers(await sessionOf(pidFile), folders);
      const daemon = Bun.spawn(
        [instance.installed.python, join(import.meta.dir, "supervisord.py"), "-c", configuration],
        {
          cwd: run,
          env: environmentWithoutStrangers(instance.env),
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      const output = `${await new Response(daemon.stdout).text()}${await new Response(daemon.stderr).text()}`;
      if ((await daemon.exited) !== 0)
        throw new StackError("supervisor does not start", `Its configuration is ${configuration}.`, output.split("\n"));
    },

    async states() {
      const all = (await rpc("supervisor.getAllProcessInfo")) as Record<string, string | number>[];
      return all.map(({ name, statename, pid, now, start }) => ({
        name: name as string,
        state: statename as State,
        pid: pid as number,
        uptimeSeconds: (now as number) - (start as number),
      }));
    },

    start: async (program) => {
      await rpc("supervisor.startProcess", program, false).catch(unless(faults.alreadyStarted));
    },

    stop: async (program) => {
      await rpc("supervisor.stopProcess", program, true).catch(unless(faults.notRunning));
    },

    signal: async (program, signal) => {
      await rpc("supervisor.signalProcess", program, signal);
    },

    async shutdown() {
      const session = await sessionOf(pidFile);
      if (await self.isRunning()) {
        await rpc("supervisor.shutdown");
        await until("supervisor has stopped", async () => !(await self.isRunning()), { everyMs: 50 });
      }
      await endLeftovers(session, folders);
    },
  };
  return self;
}

/** The session of the supervisor that runs or ran last; 0 where none did. supervisor leads a session of its own. */
async function sessionOf(pidFile: string): Promise<number> {
  const text = await Bun.file(pidFile)
    .text()
    .catch(() => "");
  return Number.parseInt(text, 10) || 0;
}

/**
 * Resolves when a session has no process left that works in one of the stack's folders. One that ends by itself gets the time
 * to; what a supervisor that was killed left behind is ended. Nothing that the stack did not start is in its session.
 */
async function endLeftovers(session: number, folders: string[]) {
  const leftovers = () => (session === 0 ? [] : processesOf(session, folders));
  const gone = (withinMs: number) =>
    until("no process is left", () => leftovers().length === 0, { withinMs, everyMs: 50 }).catch(() => {});
  await gone(1_000);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    for (const pid of leftovers()) process.kill(pid, signal);
    await gone(10_000);
  }
}

/** The path of a unix socket is limited to about 100 bytes: a deep folder gets a short one elsewhere. */
function socketOf(folder: string): string {
  const inside = join(folder, "run", "supervisor.sock");
  if (Buffer.byteLength(inside) <= 90) return inside;
  const key = new Bun.CryptoHasher("sha256").update(folder).digest("hex").slice(0, 16);
  return `/tmp/user-automation-${process.getuid?.()}-${key}.sock`;
}

/** The caller's environment without settings that would steer Airflow, Python or Java past the stack's own. */
function environmentWithoutStrangers(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(AIRFLOW|PYTHON|JAVA_|JDK_|KAFKA_OPTS|CLASSPATH|VIRTUAL_ENV|PG)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

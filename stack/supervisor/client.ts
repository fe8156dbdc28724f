import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { processesOf } from "../../operations/processes.ts";
import {
  type ProgramState,
  type Rpc,
  rpcOf,
  socketOf,
  stateOf,
  statesOf,
} from "../../operations/supervisor/programs.ts";
import { Fault } from "../../operations/supervisor/xml-rpc.ts";
import { until } from "../../runtime/until.ts";
import { allSettings } from "../../sources/config.ts";
import { StackError } from "../failure.ts";
import type { Instance } from "../instance.ts";
import { postgresFolder } from "../services/postgres-files.ts";
import type { Program } from "../services/service.ts";
import { configurationOf, scriptOf } from "./configuration.ts";

/** Runs the programs: restarts them after a crash, writes their logs and stops them without leaving a process behind. */
export interface Supervisor {
  isRunning: () => Promise<boolean>;
  /** Starts supervisor, or adds new programs to a running one. Starts no program. */
  launch: (programs: Program[]) => Promise<void>;
  states: () => Promise<ProgramState[]>;
  /** Of one program. */
  state: (program: string) => Promise<ProgramState>;
  /** Starts a program; does nothing if it is already running. */
  start: (program: string) => Promise<void>;
  /** Stops a program gracefully; does nothing if it is already stopped. */
  stop: (program: string) => Promise<void>;
  /** Sends a signal such as KILL. supervisor restarts a program that exits without having been stopped. */
  signal: (program: string, signal: string) => Promise<void>;
  /** Stops supervisor and any remaining processes of its programs. */
  shutdown: () => Promise<void>;
}

const faults = { badName: 10, notRunning: 70, alreadyStarted: 60, alreadyAdded: 90 };

export function supervisorOf(instance: Instance): Supervisor {
  const pidFile = join(instance.folder, "run", "supervisord.pid");
  const socket = socketOf(instance.folder);
  const folders = [instance.folder, postgresFolder(instance)];
  const rpc = rpcOf(instance.folder);
  const isRunning = () =>
    rpc("getState").then(
      () => true,
      () => false,
    );

  return {
    isRunning,

    async launch(programs) {
      const configuration = writeConfiguration(instance, programs, socket);
      if (await isRunning()) return addNewPrograms(rpc);
      await endLeftovers(await sessionOf(pidFile), folders);
      await startDaemon(instance, configuration);
    },

    states: () => statesOf(rpc),
    state: (program) => stateOf(rpc, program),

    start: async (program) => {
      await rpc("startProcess", program, false).catch(ignore(faults.alreadyStarted));
    },

    stop: async (program) => {
      await rpc("stopProcess", program, true).catch(ignore(faults.notRunning));
    },

    signal: async (program, signal) => {
      await rpc("signalProcess", program, signal);
    },

    async shutdown() {
      const session = await sessionOf(pidFile);
      if (await isRunning()) {
        await rpc("shutdown");
        await until("supervisor has stopped", async () => !(await isRunning()), { everyMs: 50 });
      }
      await endLeftovers(session, folders);
    },
  };
}

/** Handles a rejected call by ignoring one fault. */
const ignore = (code: number) => (error: unknown) => {
  if (!(error instanceof Fault) || error.code !== code) throw error;
};

/** Writes each program's start script and supervisor's configuration. @returns the configuration's path */
function writeConfiguration(instance: Instance, programs: Program[], socket: string): string {
  const run = join(instance.folder, "run");
  for (const program of programs)
    writeFileSync(join(run, `${program.name}.sh`), scriptOf(program, instance), { mode: 0o700 });
  const configuration = join(run, "supervisord.conf");
  writeFileSync(
    configuration,
    configurationOf(programs, { folder: instance.folder, socket, logMegabytes: instance.config.keep.logMegabytes }),
    { mode: 0o600 },
  );
  return configuration;
}

/** Makes a running supervisor read its configuration again and add the programs that are new in it. */
async function addNewPrograms(rpc: Rpc): Promise<void> {
  const [[added]] = (await rpc("reloadConfig")) as [[string[], string[], string[]]];
  for (const name of added) await rpc("addProcessGroup", name).catch(ignore(faults.alreadyAdded));
}

/** @throws StackError with supervisord's output if it exits with an error */
async function startDaemon(instance: Instance, configuration: string): Promise<void> {
  const argv = [instance.installed.python, join(import.meta.dir, "supervisord.py"), "-c", configuration];
  const daemon = Bun.spawn(argv, {
    cwd: join(instance.folder, "run"),
    env: sanitizedEnvironment(instance.env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = `${await new Response(daemon.stdout).text()}${await new Response(daemon.stderr).text()}`;
  if ((await daemon.exited) !== 0)
    throw new StackError(
      "supervisor did not start",
      `See its output above; its configuration is ${configuration}.`,
      output.split("\n"),
    );
}

/** The session of the current or last supervisor, which is a session leader; 0 if there was none. */
async function sessionOf(pidFile: string): Promise<number> {
  const text = await Bun.file(pidFile)
    .text()
    .catch(() => "");
  return Number.parseInt(text, 10) || 0;
}

/**
 * Resolves once a session has no process that works in one of the stack's folders. Processes that are exiting get time to
 * do so; those left behind by a killed supervisor are terminated. Only processes started by the stack are in its session.
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

/**
 * The caller's environment without variables that would override the stack's own settings of Airflow, Python or Java, and
 * without secrets: each program gets its own.
 */
function sanitizedEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(AIRFLOW|PYTHON|JAVA_|JDK_|KAFKA_OPTS|CLASSPATH|VIRTUAL_ENV|PG)/;
  const secrets = new Set(allSettings.filter(({ secret }) => secret).map((setting) => setting.env));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name) && !secrets.has(name)));
}

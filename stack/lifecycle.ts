import { join } from "node:path";
import { tailOf } from "../operations/log-tail.ts";
import type { ProgramState } from "../operations/supervisor/programs.ts";
import type { Progress } from "../runtime/progress.ts";
import { issueCertificates } from "./certificates.ts";
import { addDiagnosis } from "./diagnosis.ts";
import { StackError } from "./failure.ts";
import type { Instance } from "./instance.ts";
import { inOrder, reversed } from "./order.ts";
import { checkPorts } from "./ports.ts";
import { servicesOf } from "./services/catalogue.ts";
import { type Program, readyWithinMs, type Service } from "./services/service.ts";
import { type Supervisor, supervisorOf } from "./supervisor/client.ts";
import { countExits } from "./supervisor/restarts.ts";

const probeEveryMs = 100;
const maxExits = 2;

const silent: Progress = { start() {}, done() {}, failed() {}, end() {} };

/** How long each service took to become ready, in milliseconds; 0 if it was already running. */
export type StartTimes = Record<string, number>;

interface UpOptions {
  progress?: Progress;
  stop?: AbortSignal;
  /** The names of the services to start, with what they depend on; all if omitted. */
  only?: string[];
}

/**
 * Starts the services that are not running, in parallel where dependencies allow, and resolves when all are ready.
 * On failure, or when `stop` aborts, it stops the services it started.
 * @throws StackError with the service's name and the end of its log
 */
export async function up(
  instance: Instance,
  { progress = silent, stop = new AbortController().signal, only }: UpOptions = {},
): Promise<StartTimes> {
  const services = servicesOf(instance).filter(({ name }) => only?.includes(name) ?? true);
  const supervisor = supervisorOf(instance);
  const hadSupervisor = await supervisor.isRunning();
  const before = hadSupervisor ? await runningPrograms(supervisor) : new Set<string>();
  const wasRunning = (service: Service) => service.programs(instance).every(({ name }) => before.has(name));

  checkPorts(
    services.filter((service) => !service.programs(instance).some(({ name }) => before.has(name))),
    instance,
  );
  await issueCertificates(instance, { mayRenew: before.size === 0 }, stop);
  await supervisor.launch(services.flatMap((service) => service.programs(instance)));

  const times: StartTimes = {};
  try {
    await inOrder(
      services,
      async (service, signal) => {
        const since = Date.now();
        const say = (text: string) => progress.start(service.name, text);
        try {
          if (service.prepare && !wasRunning(service)) {
            say(`preparing ${service.title}`);
            await service.prepare(instance, signal);
          }
          say(`starting ${service.title}`);
          await startPrograms(service, instance, supervisor, signal);
        } catch (error) {
          progress.failed(service.name);
          throw error;
        }
        times[service.name] = wasRunning(service) ? 0 : Date.now() - since;
        progress.done(service.name, `ready at ${service.address(instance)}`);
      },
      stop,
    );
  } catch (error) {
    await addDiagnosis(error, instance, stop, { isStarting: true });
    await stopAll(instance, supervisor, (program) => !before.has(program));
    if (!hadSupervisor) await supervisor.shutdown();
    throw error;
  }
  return times;
}

/** Stops everything in reverse order, leaving no process behind. Does nothing if nothing is running. */
export async function down(instance: Instance, progress: Progress = silent): Promise<void> {
  const supervisor = supervisorOf(instance);
  if (await supervisor.isRunning()) await stopAll(instance, supervisor, () => true, progress);
  await supervisor.shutdown();
}

/** Stops these services in reverse order, and supervisor too if nothing else is running. */
export async function stopServices(instance: Instance, names: string[], progress: Progress = silent): Promise<void> {
  const supervisor = supervisorOf(instance);
  if (!(await supervisor.isRunning())) return;
  const programs = servicesOf(instance)
    .filter(({ name }) => names.includes(name))
    .flatMap((service) => service.programs(instance).map(({ name }) => name));
  await stopAll(instance, supervisor, (program) => programs.includes(program), progress);
  if ((await runningPrograms(supervisor)).size === 0) await supervisor.shutdown();
}

async function startPrograms(service: Service, instance: Instance, supervisor: Supervisor, stop: AbortSignal) {
  const programs = service.programs(instance);
  const withinMs = service.startsTogether ? readyWithinMs * programs.length : readyWithinMs; // they share this machine
  const start = (program: Program) => startProgram({ program, service, instance, supervisor, withinMs }, stop);
  if (service.startsTogether) await Promise.all(programs.map(start));
  else for (const program of programs) await start(program);
}

interface Start {
  program: Program;
  service: Service;
  instance: Instance;
  supervisor: Supervisor;
  /** Time limit for it to become ready, in milliseconds. */
  withinMs: number;
}

/**
 * Starts one program and waits until it is ready. After one crash supervisor restarts it, since on a busy machine it may
 * have timed out waiting for another service; a second crash is a failure.
 * @throws StackError with the end of the program's log
 */
async function startProgram(
  { program, service, instance, supervisor, withinMs }: Start,
  stop: AbortSignal,
): Promise<void> {
  await supervisor.start(program.name);
  const deadline = Date.now() + withinMs;
  const aborted = abortOf(stop);
  const exitsUntil = countExits();
  let before = exitsUntil(await supervisor.state(program.name));
  for (;;) {
    const isReady = async () => {
      await program.ready?.(instance);
      await program.provide?.(instance);
    };
    const failure = await Promise.race([isReady(), aborted]).then(
      () => undefined,
      (error: unknown) => error ?? new Error("no answer"),
    );
    stop.throwIfAborted();
    const state = await supervisor.state(program.name);
    const exits = exitsUntil(state);
    if (failure === undefined && exits === before && isUp(state)) return;
    if (exits >= maxExits) throw await failed(`crashed ${exits === 2 ? "twice" : `${exits} times`} during start-up`);
    before = exits;
    if (Date.now() > deadline) throw await failed(`was not ready within ${withinMs / 1000} s`, failure);
    await Bun.sleep(probeEveryMs);
  }

  async function failed(what: string, cause?: unknown) {
    const file = join(instance.folder, "logs", `${program.name}.log`);
    const remedy = `The full log is ${file}. Fix the cause, then run the same command again.`;
    return new StackError(`${service.title} (${program.name}) ${what}`, remedy, await tailOf(file), { cause });
  }
}

async function stopAll(
  instance: Instance,
  supervisor: Supervisor,
  shouldStop: (program: string) => boolean,
  progress: Progress = silent,
) {
  const known = new Set((await supervisor.states()).map(({ name }) => name));
  await inOrder(reversed(servicesOf(instance)), async (service) => {
    const programs = service.programs(instance).filter(({ name }) => known.has(name) && shouldStop(name));
    if (programs.length === 0) return;
    progress.start(service.name, `stopping ${service.title}`);
    if (service.startsTogether && !service.stopsInReverse)
      await Promise.all(programs.map(({ name }) => supervisor.stop(name)));
    else for (const { name } of programs.reverse()) await supervisor.stop(name);
    progress.done(service.name, "stopped");
  });
}

async function runningPrograms(supervisor: Supervisor): Promise<Set<string>> {
  const states = await supervisor.states();
  return new Set(states.filter(isUp).map(({ name }) => name));
}

const isUp = ({ state }: ProgramState) => state === "RUNNING" || state === "STARTING";

/** Rejects when the signal aborts, and never resolves. */
function abortOf(stop: AbortSignal): Promise<never> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {}); // it may happen while nobody is waiting
  stop.addEventListener("abort", () => aborted.reject(stop.reason), { once: true });
  return aborted.promise;
}

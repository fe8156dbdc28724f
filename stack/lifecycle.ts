import { join } from "node:path";
import { StackError } from "./failure.ts";
import type { Instance } from "./instance.ts";
import { tailOf } from "./logs.ts";
import { inOrder, reversed } from "./order.ts";
import { checkPorts } from "./ports.ts";
import type { Progress } from "./progress.ts";
import { servicesOf } from "./services/catalogue.ts";
import { type Program, readyWithinMs, type Service } from "./services/service.ts";
import { type ProgramState, type Supervisor, supervisorOf } from "./supervisor/client.ts";
import { countEnds } from "./supervisor/restarts.ts";

const probeEveryMs = 100;
const endsAllowed = 2;

const silent: Progress = { begin() {}, done() {}, failed() {}, end() {} };

/** How long each service took from its start to its first answer, in milliseconds; 0 where it ran already. */
export type StartTimes = Record<string, number>;

/**
 * Starts what does not run yet, side by side where dependencies allow it, and resolves when everything answers.
 * On a failure, or when `stop` aborts, what it started is stopped again.
 * @throws StackError that names the service and shows the end of its log
 */
export async function up(
  instance: Instance,
  { progress = silent, stop = new AbortController().signal }: { progress?: Progress; stop?: AbortSignal } = {},
): Promise<StartTimes> {
  const services = servicesOf(instance);
  const supervisor = supervisorOf(instance);
  const hadSupervisor = await supervisor.isRunning();
  const before = hadSupervisor ? await runningPrograms(supervisor) : new Set<string>();
  const runs = (service: Service) => service.programs(instance).every(({ name }) => before.has(name));

  checkPorts(
    services.filter((service) => !service.programs(instance).some(({ name }) => before.has(name))),
    instance,
  );
  await supervisor.launch(services.flatMap((service) => service.programs(instance)));

  const times: StartTimes = {};
  try {
    await inOrder(
      services,
      async (service, signal) => {
        const since = Date.now();
        progress.begin(service.name, `starting ${service.title}`);
        try {
          if (!runs(service)) await service.prepare?.(instance, signal);
          for (const program of service.programs(instance))
            await startProgram(program, service, instance, supervisor, signal);
        } catch (error) {
          progress.failed(service.name);
          throw error;
        }
        times[service.name] = runs(service) ? 0 : Date.now() - since;
        progress.done(service.name, `ready at ${service.address(instance)}`);
      },
      stop,
    );
  } catch (error) {
    await stopAll(instance, supervisor, (program) => !before.has(program));
    if (!hadSupervisor) await supervisor.shutdown();
    throw error;
  }
  return times;
}

/** Stops everything in reverse order and leaves no process behind. Harmless where nothing runs. */
export async function down(instance: Instance, progress: Progress = silent): Promise<void> {
  const supervisor = supervisorOf(instance);
  if (await supervisor.isRunning()) await stopAll(instance, supervisor, () => true, progress);
  await supervisor.shutdown();
}

/** Stops these services in reverse order, and supervisor with them where nothing else runs. */
export async function stopServices(instance: Instance, names: string[], progress: Progress = silent): Promise<void> {
  const supervisor = supervisorOf(instance);
  if (!(await supervisor.isRunning())) return;
  const programs = servicesOf(instance)
    .filter(({ name }) => names.includes(name))
    .flatMap((service) => service.programs(instance).map(({ name }) => name));
  await stopAll(instance, supervisor, (program) => programs.includes(program), progress);
  if ((await runningPrograms(supervisor)).size === 0) await supervisor.shutdown();
}

/**
 * Starts one program and waits for its answer. One that ends gets another chance from supervisor, since on a busy
 * machine it may have waited in vain for a neighbour; then it has failed, and the end of its log says why.
 */
async function startProgram(
  program: Program,
  service: Service,
  instance: Instance,
  supervisor: Supervisor,
  stop: AbortSignal,
): Promise<void> {
  await supervisor.start(program.name);
  const deadline = Date.now() + readyWithinMs;
  const aborted = abortOf(stop);
  const endsAt = countEnds();
  for (;;) {
    const before = endsAt(await look());
    const failure = await Promise.race([program.ready?.(instance), aborted]).then(
      () => undefined,
      (error: unknown) => error ?? new Error("no answer"),
    );
    stop.throwIfAborted();
    const state = await look();
    const ends = endsAt(state);
    if (failure === undefined && ends === before && isUp(state)) return;
    if (ends >= endsAllowed) throw await failed(`ended ${ends} times while it was starting`);
    if (Date.now() > deadline) throw await failed(`did not answer within ${readyWithinMs / 1000} s`, failure);
    await Bun.sleep(probeEveryMs);
  }

  async function look(): Promise<ProgramState> {
    const found = (await supervisor.states()).find(({ name }) => name === program.name);
    if (!found) throw new Error(`supervisor does not know ${program.name}`);
    return found;
  }

  async function failed(what: string, cause?: unknown) {
    const file = join(instance.folder, "logs", `${program.name}.log`);
    const remedy = `The whole log is in ${file}. When the cause is mended, run the same command again.`;
    return new StackError(`${service.title} (${program.name}) ${what}`, remedy, await tailOf(file), { cause });
  }
}

async function stopAll(
  instance: Instance,
  supervisor: Supervisor,
  wanted: (program: string) => boolean,
  progress: Progress = silent,
) {
  const known = new Set((await supervisor.states()).map(({ name }) => name));
  await inOrder(reversed(servicesOf(instance)), async (service) => {
    const programs = service.programs(instance).filter(({ name }) => known.has(name) && wanted(name));
    if (programs.length === 0) return;
    progress.begin(service.name, `stopping ${service.title}`);
    for (const { name } of programs.reverse()) await supervisor.stop(name);
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
  aborted.promise.catch(() => {}); // nobody may be waiting when it happens
  stop.addEventListener("abort", () => aborted.reject(stop.reason), { once: true });
  return aborted.promise;
}

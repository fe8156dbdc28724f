import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isFree } from "../../operations/ports.ts";
import { openProgress } from "../../runtime/progress.ts";
import { allSettings } from "../../sources/config.ts";
import { issueCertificates } from "../../stack/certificates.ts";
import { makeCluster } from "../../stack/cluster.ts";
import { environmentOf } from "../../stack/environment.ts";
import { type Instance, openInstance, project } from "../../stack/instance.ts";
import { down, up } from "../../stack/lifecycle.ts";
import { makeSecure } from "../../stack/secure.ts";
import { servicesOf } from "../../stack/services/catalogue.ts";
import { removePostgresFolder } from "../../stack/services/postgres-files.ts";
import { supervisorOf } from "../../stack/supervisor/client.ts";
import { plainEnvironment } from "./plain-environment.ts";

/** A private stack: its own folder, free ports, and none of the settings given. */
export interface OwnStack {
  folder: string;
  /** The environment of its programs and of the tests. */
  environment: Record<string, string>;
  instance: Instance;
  /** Starts everything that is not running, including services that a failed test left stopped. */
  up: (stop: AbortSignal) => Promise<void>;
  /** Stops everything; can be called at any time. */
  down: () => Promise<void>;
  /** Deletes its data and logs. */
  remove: () => void;
}

const parent = join(project, ".stack-test");

interface Options {
  isSecure?: boolean;
  isCluster?: boolean;
  /** Tells the stacks of one process apart. */
  suffix?: string;
}

/** Opens a stack without starting it, after removing the stacks of test runs that were killed. */
export async function openOwnStack({
  isSecure = false,
  isCluster = false,
  suffix = "",
}: Options = {}): Promise<OwnStack> {
  for (const name of existsSync(parent) ? readdirSync(parent) : []) {
    if (isAlive(Number.parseInt(name, 10))) continue;
    const left = await openInstance({ ...plainEnvironment(), STACK_DIR: join(parent, name) });
    await down(left);
    remove(left);
  }

  const folder = join(parent, `${process.pid}${suffix}`);
  if (isCluster) makeCluster(folder);
  const ports = freePorts();
  const opened = await openInstance({
    ...plainEnvironment(),
    ...ports,
    STACK_DIR: folder,
    USERS_SOURCE: "randomuser",
    RANDOMUSER_URL: `http://127.0.0.1:${ports.SOURCE_PORT}/api/1.4/`,
  });
  const instance = isSecure ? await makeSecure(opened) : opened;
  if (isSecure) await issueCertificates(instance, { mayRenew: false }, new AbortController().signal);
  const own = environmentOf(instance, "admin");
  const environment = { ...(instance.env as Record<string, string>), ...own, STACK_FOR_TESTS: "1" };
  return {
    folder,
    environment,
    instance,
    async up(stop) {
      if (await runs(instance)) return;
      const progress = openProgress();
      await up(instance, { progress, stop }).finally(progress.end);
    },
    down: () => down(instance),
    remove: () => remove(instance),
  };
}

function remove(instance: Instance) {
  removePostgresFolder(instance);
  rmSync(instance.folder, { recursive: true, force: true });
}

async function runs(instance: Instance): Promise<boolean> {
  const supervisor = supervisorOf(instance);
  if (!(await supervisor.isRunning())) return false;
  const states = new Map((await supervisor.states()).map(({ name, state }) => [name, state]));
  return servicesOf(instance).every((service) =>
    service.programs(instance).every(({ name }) => states.get(name) === "RUNNING"),
  );
}

/**
 * A free port for every port setting. All are below those of `freePort` and the system's range for outgoing connections;
 * otherwise a test or a client could take the port of a service while it restarts.
 */
function freePorts(): Record<string, string> {
  const names = allSettings.filter(({ path }) => path[0] === "ports").map(({ env }) => env);
  let port = 15_000 + Math.floor(Math.random() * 6_900);
  const next = () => {
    while (!isFree(++port));
    return String(port);
  };
  return Object.fromEntries(names.map((name) => [name, next()]));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

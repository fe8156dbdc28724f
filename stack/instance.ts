import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, loadConfig } from "../runtime/config.ts";
import { local } from "./addresses.ts";
import { type Installation, install } from "./install/install.ts";
import { keepSecrets, type Secrets } from "./secrets.ts";

/**
 * One stack: a folder that holds all that it keeps, and the ports that it listens on. Two stacks with different folders
 * and ports never touch each other.
 */
export interface Instance {
  /** `STACK_DIR`: data/, logs/, run/, runs/ and secrets.json. */
  folder: string;
  config: Config;
  secrets: Secrets;
  installed: Installation;
  /** The environment that the stack was opened with. */
  env: NodeJS.ProcessEnv;
}

/** The project's own folder. */
export const project = resolve(import.meta.dir, "..");

/**
 * Opens the stack that the environment names (`STACK_DIR`, the `*_PORT` variables), installing what it needs. From then
 * on this process, and all that it starts, writes for its owner only: users' data and passwords are everywhere.
 */
export async function openInstance(given = process.env): Promise<Instance> {
  const file = join(project, "config.yaml"); // from whichever folder the stack is opened
  const env: NodeJS.ProcessEnv = { ...(existsSync(file) && { CONFIG_FILE: file }), ...given };
  process.umask(0o077);
  const folder = resolve(env.STACK_DIR || join(project, ".stack"));
  for (const name of ["data", "logs", "run", "runs"]) {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o700); // an earlier version left them open
  }
  return {
    folder,
    config: loadConfig(env),
    secrets: keepSecrets(join(folder, "secrets.json")),
    installed: await install(env),
    env,
  };
}

/** The folder that a service keeps its data in; it exists. */
export function dataFolder({ folder }: Pick<Instance, "folder">, service: string): string {
  const path = join(folder, "data", service);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Whether users come from the source that the stack runs itself, and not from an address that the user gave. */
export function usesEmbeddedSource({ config }: Pick<Instance, "config">): boolean {
  const { host, hostname } = new URL(config.randomuser.url);
  const own = local(config.ports.source);
  return config.source === "randomuser" && (host === own || host === own.replace(hostname, "localhost"));
}

import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { stackFolder } from "../operations/native-stack.ts";
import { type Config, loadConfig, sourceAddress } from "../sources/config.ts";
import { local, ownAccess } from "./addresses.ts";
import { type Installation, install } from "./install/install.ts";
import { loadSecrets, type Secrets, secretsFile } from "./secrets.ts";

/**
 * One stack: the folder with all its data and the ports it listens on. Stacks with different folders and ports never
 * affect each other.
 */
export interface Instance {
  /** `STACK_DIR`: data/, logs/, run/, runs/ and secrets.json. */
  folder: string;
  config: Config;
  secrets: Secrets;
  installed: Installation;
  /** Whether its services take TLS and logins only; `up --secure` makes it so. */
  isSecure: boolean;
  /** Whether it has three brokers, three Cassandra nodes and two consumers; `up --cluster` starts such a one. */
  isCluster: boolean;
  /** The environment the stack was opened with. */
  env: NodeJS.ProcessEnv;
}

/** The project's root folder. */
export const project = resolve(import.meta.dir, "..");

/**
 * Opens the stack that the environment selects (`STACK_DIR`, the `*_PORT` variables) and installs its dependencies. From
 * then on, files written by this process and its children are readable only by their owner, since they contain users'
 * data and passwords.
 */
export async function openInstance(given = process.env): Promise<Instance> {
  const file = join(project, "config.yaml"); // whatever the working directory
  const env: NodeJS.ProcessEnv = { ...(existsSync(file) && { CONFIG_FILE: file }), ...given };
  process.umask(0o077);
  const folder = stackFolder(env);
  for (const name of ["data", "logs", "run", "runs"]) {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o700); // earlier versions created them readable by everyone
  }
  return {
    folder,
    config: loadConfig({ ...env, ...ownAccess }),
    secrets: loadSecrets(secretsFile(folder)),
    installed: await install(env),
    isSecure: existsSync(secureMarker({ folder })),
    isCluster: existsSync(clusterMarker({ folder })),
    env,
  };
}

/** A file that exists in the folder of a secure stack. */
export const secureMarker = ({ folder }: Pick<Instance, "folder">) => join(folder, "secure");

/** A file that exists in the folder of a cluster. */
export const clusterMarker = ({ folder }: Pick<Instance, "folder">) => join(folder, "is-cluster");

/** A service's data folder, created if missing. */
export function dataFolder({ folder }: Pick<Instance, "folder">, service: string): string {
  const path = join(folder, "data", service);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Whether users come from the stack's embedded source rather than from an address that was set. */
export function usesEmbeddedSource({ config }: Pick<Instance, "config">): boolean {
  const { host, hostname } = new URL(sourceAddress(config));
  const own = local(config.ports.source);
  return host === own || host === own.replace(hostname, "localhost");
}

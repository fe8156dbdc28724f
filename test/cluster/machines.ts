import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { clusterNodes } from "../../operations/native-stack.ts";
import { StackError } from "../../stack/failure.ts";
import type { Instance } from "../../stack/instance.ts";

/** The links of the machines that network.py has made; machines are counted from 0. */
export interface Machines {
  /** From now on, what `from` sends to `to` vanishes. */
  cut: (from: number, to: readonly number[]) => Promise<void>;
  /** From now on, a machine sends so many kilobits a second. */
  slow: (machine: number, kbit: number) => Promise<void>;
  /** Restores all links of a machine. */
  heal: (machine: number) => Promise<void>;
  /** Makes a folder a disk of its own. */
  mountDisk: (folder: string, megabytes: number) => Promise<void>;
  unmountDisk: (folder: string) => Promise<void>;
  /** The stack with each broker and each Cassandra node on a machine of its own. */
  withNodes: (instance: Instance) => Instance;
}

const script = join(import.meta.dir, "network.py");

/** Other accounts become root in a user namespace, as far as networks and mounts are concerned. */
const unshare = () => [
  "unshare",
  ...(process.getuid?.() === 0 ? [] : ["--user", "--map-current-user", "--keep-caps"]),
  ...["--net", "--mount", "--kill-child"],
];

/** The command that runs another one in a network of machines with the cluster's addresses. */
export const inMachines = (python: string, argv: readonly string[]): string[] => [
  ...unshare(),
  ...[python, script, "run", ...clusterNodes, "--", ...argv],
];

/** @throws StackError if this account may not make namespaces */
export async function expectNamespaces(): Promise<void> {
  await run([...unshare(), "true"]).catch((error: Error) => {
    throw new StackError(
      error.message.trim(),
      "Machines are Linux network namespaces: run this as root, or where users may make their own (sysctl " +
        "user.max_user_namespaces, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0).",
    );
  });
}

/** The machines that this process runs among; undefined if it was not started by `inMachines`. */
export function openMachines(python: string): Machines | undefined {
  const pids = process.env.NETWORK_MACHINES?.split(" ");
  if (!pids) return undefined;
  const commandOn = (machine: number) => ["nsenter", "--net", "--target", pids[machine] ?? ""];
  const change = (machine: number, ...args: string[]) => run([...commandOn(machine), python, script, ...args]);
  return {
    cut: (from, to) => change(from, "drop", ...to.map((machine) => clusterNodes[machine] ?? "")),
    slow: (machine, kbit) => change(machine, "slow", `${kbit}`),
    heal: (machine) => change(machine, "heal"),
    mountDisk: (folder, megabytes) => run([python, script, "disk", folder, `${megabytes}`]),
    unmountDisk: (folder) => run([python, script, "no-disk", folder]),
    withNodes(instance) {
      const { java, java17Home } = instance.installed;
      const scripts = join(instance.folder, "run", "java-on-machines");
      const inPlaceOf = (path: string, name: string) => {
        const file = join(scripts, name, "bin", "java");
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, javaOnMachines(path, commandOn));
        chmodSync(file, 0o700);
        return file;
      };
      const installed = {
        ...instance.installed,
        java: inPlaceOf(java, "java"),
        java17Home: dirname(dirname(inPlaceOf(join(java17Home, "bin", "java"), "java17"))),
      };
      return { ...instance, installed };
    },
  };
}

async function run(argv: string[]) {
  const running = Bun.spawn(argv, { stdio: ["ignore", "ignore", "pipe"] });
  const error = await new Response(running.stderr).text();
  if ((await running.exited) !== 0) throw new Error(`${argv.join(" ")}: ${error}`);
}

/** A script in place of Java, which knows a node by its data folder and starts it on its machine. */
function javaOnMachines(java: string, commandOn: (machine: number) => string[]): string {
  const cases = clusterNodes.map((_, machine) => {
    const folders = ["kafka", "cassandra"].map((service) => `*/data/${service}-${machine + 1}/*`).join("|");
    return `  ${folders}) exec ${commandOn(machine).join(" ")} '${java}' "$@" ;;`;
  });
  return `#!/bin/sh\ncase "$*" in\n${cases.join("\n")}\n  *) exec '${java}' "$@" ;;\nesac\n`;
}

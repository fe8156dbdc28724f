import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { clusterNodes } from "../../operations/native-stack.ts";
import type { Instance } from "../../stack/instance.ts";
import { supervisorOf } from "../../stack/supervisor/client.ts";
import { controlStack } from "../support/stack.ts";
import type { Consumers } from "./consumers.ts";
import type { Target, World } from "./faults.ts";
import type { Machines } from "./machines.ts";

/** The size of the disks that become full. Kafka's has segments of 16 MB and more, Cassandra's of 32 MB. */
const diskMegabytes = 512;

/** Makes the folders of the last machine small disks: that of its broker's log, and that of its node's commit log. */
export async function mountDisks(instance: Instance, machines: Machines) {
  for (const folder of Object.values(disksOf(instance))) {
    mkdirSync(folder, { recursive: true });
    await machines.mountDisk(folder, diskMegabytes);
  }
}

export async function unmountDisks(instance: Instance, machines: Machines) {
  for (const folder of Object.values(disksOf(instance))) await machines.unmountDisk(folder);
}

const disksOf = ({ folder }: Instance) => {
  const last = clusterNodes.length;
  const data = (...path: string[]) => join(folder, "data", ...path);
  return { broker: data(`kafka-${last}`, "log"), node: data(`cassandra-${last}`, "commitlog") };
};

/**
 * What faults can happen to, once the stack is up. Without machines there is nothing to cut and no disk to fill; without
 * consumers of its own, its consumers are the stack's.
 */
export async function openWorld(
  instance: Instance,
  environment: Record<string, string>,
  { machines, consumers }: { machines?: Machines; consumers?: Consumers } = {},
): Promise<World> {
  const control = await controlStack(environment);
  const supervisor = supervisorOf(instance);
  const ofStack = (name: string): Target => ({
    name,
    kill: () => control.kill(name),
    pause: () => supervisor.signal(name, "STOP"),
    resume: () => supervisor.signal(name, "CONT"),
    async restart() {
      await control.stop(name);
      await control.start(name);
    },
  });
  const numbered = (service: string) => clusterNodes.map((_, machine) => ofStack(`${service}-${machine + 1}`));
  const [brokers, nodes] = [numbered("kafka"), numbered("cassandra")];
  const disks = disksOf(instance);
  const fullDisk = (folder: string, target: Target | undefined) => ({
    name: `log of ${target?.name}`,
    fill: async () => fill(join(folder, "filler")),
    async empty() {
      rmSync(join(folder, "filler"), { force: true });
      // A node whose disk failed has taken itself out, and waits for somebody to start it again.
      await target?.restart();
    },
  });
  return {
    ...(machines && { machines }),
    brokers,
    nodes,
    programs: {
      consumer: consumers?.targets ?? ["consumer", "consumer-2"].map(ofStack),
      connect: [ofStack("connect")],
      registry: [ofStack("schema-registry")],
      api: [ofStack("api")],
    },
    ...(consumers && { consumers }),
    disks: machines ? [fullDisk(disks.broker, brokers.at(-1)), fullDisk(disks.node, nodes.at(-1))] : [],
  };
}

/** Writes a file until the disk has no room left. */
function fill(path: string) {
  const file = openSync(path, "w", 0o600);
  try {
    for (const size of [1024 * 1024, 4 * 1024, 1])
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if ((error as { code?: string }).code !== "ENOSPC") throw error;
      }
  } finally {
    closeSync(file);
  }
}

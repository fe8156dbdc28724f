import { join } from "node:path";
import { project } from "../instance.ts";
import { consumer } from "../services/consumer.ts";
import { supervisorOf } from "../supervisor/client.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const skip: Command = {
  summary: "Move the consumer past an unreadable batch, saving its bytes in the dead-letter topic",
  usage: "TOPIC PARTITION OFFSET --because REASON",
  hasOwnHelp: true,
  /** A group's offsets can change only while it has no members, so the stack's consumers are stopped and then restarted. */
  async run(instance, args) {
    const supervisor = supervisorOf(instance);
    const states = (await supervisor.isRunning()) ? await supervisor.states() : [];
    const consumers = consumer.programs(instance).map(({ name }) => name);
    const running = states.filter(({ name, state }) => consumers.includes(name) && state === "RUNNING");
    for (const { name } of running) await supervisor.stop(name);
    try {
      return await exec([process.execPath, join(project, "operate", "main.ts"), "skip", ...args], instance);
    } finally {
      for (const { name } of running) await supervisor.start(name);
    }
  },
};

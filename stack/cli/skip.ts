import { join } from "node:path";
import { project } from "../instance.ts";
import { supervisorOf } from "../supervisor/client.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const skip: Command = {
  summary: "Move the consumer past an unreadable batch, saving its bytes in the dead-letter topic",
  usage: "TOPIC PARTITION OFFSET --because REASON",
  hasOwnHelp: true,
  /** A group's offsets can change only while it has no members, so the stack's consumer is stopped and then restarted. */
  async run(instance, args) {
    const supervisor = supervisorOf(instance);
    const states = (await supervisor.isRunning()) ? await supervisor.states() : [];
    const isRunning = states.some(({ name, state }) => name === "consumer" && state === "RUNNING");
    if (isRunning) await supervisor.stop("consumer");
    try {
      return await exec([process.execPath, join(project, "operate", "main.ts"), "skip", ...args], instance);
    } finally {
      if (isRunning) await supervisor.start("consumer");
    }
  },
};

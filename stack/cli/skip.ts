import { join } from "node:path";
import { project } from "../instance.ts";
import { supervisorOf } from "../supervisor/client.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const skip: Command = {
  does: "Moves the consumer past a batch that cannot be read, whose bytes the dead-letter topic keeps.",
  takes: "TOPIC PARTITION OFFSET",
  options: { "--because REASON": "why nobody needs the records of this batch" },
  /** A group's offsets can be moved only while it has no members, so the stack's own consumer is stopped meanwhile. */
  async run(instance, args) {
    const supervisor = supervisorOf(instance);
    const states = (await supervisor.isRunning()) ? await supervisor.states() : [];
    const isRunning = states.some(({ name, state }) => name === "consumer" && state === "RUNNING");
    if (isRunning) await supervisor.stop("consumer");
    try {
      return await exec([process.execPath, join(project, "consumer", "skip.ts"), ...args], instance);
    } finally {
      if (isRunning) await supervisor.start("consumer");
    }
  },
};

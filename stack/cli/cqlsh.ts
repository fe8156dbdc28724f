import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const cqlsh: Command = {
  summary: "Run cqlsh on the stack's Cassandra",
  hasOwnHelp: true,
  usage: "[ARGUMENT]...",
  run: (instance, args) =>
    exec([instance.installed.tool("cqlsh"), ...args, "127.0.0.1", String(instance.config.ports.cassandra)], instance),
};

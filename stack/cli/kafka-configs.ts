import { everyNode } from "../addresses.ts";
import { classPathOf } from "../services/java.ts";
import { loginOptions } from "../services/kafka-access.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const kafkaConfigs: Command = {
  summary: "Run Kafka's kafka-configs on the stack's broker",
  hasOwnHelp: true,
  usage: "[ARGUMENT]...",
  async run(instance, args) {
    const login = await loginOptions(instance, "operate");
    const broker = ["--bootstrap-server", everyNode(instance, instance.config.ports.kafka).join(","), ...login];
    const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
    const java = [instance.installed.java, quiet, "-cp", classPathOf(instance, "connect")];
    return exec([...java, "org.apache.kafka.tools.ConfigCommand", ...broker, ...args], instance);
  },
};

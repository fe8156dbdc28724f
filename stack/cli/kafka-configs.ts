import { local } from "../addresses.ts";
import { classPathOf } from "../services/java.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const kafkaConfigs: Command = {
  summary: "Run Kafka's kafka-configs on the stack's broker",
  hasOwnHelp: true,
  usage: "[ARGUMENT]...",
  run(instance, args) {
    const classPath = classPathOf(instance, "kafka");
    const broker = ["--bootstrap-server", local(instance.config.ports.kafka)];
    const java = [instance.installed.java, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classPath];
    return exec([...java, "kafka.admin.ConfigCommand", ...broker, ...args], instance);
  },
};

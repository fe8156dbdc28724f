import { join } from "node:path";
import { local } from "../addresses.ts";
import type { Instance } from "../instance.ts";
import { classPathOf } from "../services/java.ts";
import { clientProperties } from "../services/kafka-access.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const kafkaConfigs: Command = {
  summary: "Run Kafka's kafka-configs on the stack's broker",
  hasOwnHelp: true,
  usage: "[ARGUMENT]...",
  async run(instance, args) {
    const classPath = classPathOf(instance, "kafka");
    const broker = ["--bootstrap-server", local(instance.config.ports.kafka), ...(await loginOf(instance))];
    const java = [instance.installed.java, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classPath];
    return exec([...java, "kafka.admin.ConfigCommand", ...broker, ...args], instance);
  },
};

/** The option that names a file with the operator's login, on a secure stack. */
async function loginOf(instance: Instance): Promise<string[]> {
  if (!instance.isSecure) return [];
  const file = join(instance.folder, "run", "kafka-login.properties");
  const lines = Object.entries(clientProperties(instance, "operate")).map(([key, value]) => `${key}=${value}\n`);
  await Bun.write(file, lines.join(""));
  return ["--command-config", file];
}

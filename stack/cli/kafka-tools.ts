import type { Principal } from "../../operations/access/principals.ts";
import { everyNode } from "../addresses.ts";
import { classPathOf } from "../services/java.ts";
import { loginOptions } from "../services/kafka-access.ts";
import type { Command } from "./command-line.ts";
import { exec } from "./exec.ts";

export const kafkaConfigs = toolOf("kafka-configs", "org.apache.kafka.tools.ConfigCommand", "operate");
export const kafkaTransactions = toolOf("kafka-transactions", "org.apache.kafka.tools.TransactionsCommand", "admin");

/** A tool of Kafka's, on the stack's brokers; on a secure stack it logs in as `principal`. */
function toolOf(name: string, mainClass: string, principal: Principal): Command {
  return {
    summary: `Run Kafka's ${name} on the stack's brokers`,
    hasOwnHelp: true,
    usage: "[ARGUMENT]...",
    async run(instance, args) {
      const login = await loginOptions(instance, principal);
      const brokers = ["--bootstrap-server", everyNode(instance, instance.config.ports.kafka).join(","), ...login];
      const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
      const java = [instance.installed.java, quiet, "-cp", classPathOf(instance, "connect")];
      return exec([...java, mainClass, ...brokers, ...args], instance);
    },
  };
}

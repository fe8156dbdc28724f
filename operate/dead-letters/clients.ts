import type { Admin, Kafka } from "kafkajs";
import { openKafka } from "../../runtime/kafka.ts";
import { type Log, openLog } from "../../runtime/log.ts";
import { type Config, loadConfig, overridesIn } from "../../sources/config.ts";

export interface Clients {
  kafka: Kafka;
  admin: Admin;
  config: Config;
  log: Log;
}

/** Connects to Kafka, does the work and disconnects. */
export async function withKafka<T>(work: (clients: Clients) => Promise<T>): Promise<T> {
  const config = loadConfig();
  for (const sentence of overridesIn(config)) console.error(sentence);
  const log = openLog("dead-letters", config.log.level === "debug" ? "debug" : "error");
  const kafka = openKafka(config, "dead-letters", log, 4);
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work({ kafka, admin, config, log });
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/** Says why nothing seems to happen. */
export const onInterruption = () =>
  console.error("Another command settles letters at the moment, or Kafka failed; this one continues shortly.");

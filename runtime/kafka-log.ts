import { type LogEntry, logLevel } from "kafkajs";
import type { Log } from "./log.ts";

/** Retries logged only at debug level: about a second, in which a new topic gets its leader. */
const quietRetries = 3;

/** Forwards the log of kafkajs to the program's own. */
export const logCreatorOf = (log: Log) => () => (entry: LogEntry) => {
  const { message, timestamp: _, logger: __, stack: ___, ...properties } = entry.log;
  log[levelOf(entry)](`kafkajs: ${message}`, properties);
};

/**
 * kafkajs logs an error for each attempt, even if another one follows; a permanent failure is thrown to the caller, who
 * logs it. So nothing here is logged as an error: retries become warnings once they have gone on for a while. Errors of
 * connections, and our own errors passing through kafkajs, are logged by the caller too, so they are debug here. Pure.
 */
export function levelOf({ namespace, level, log }: Pick<LogEntry, "namespace" | "level" | "log">): "warn" | "debug" {
  const isRetried = typeof log.retryTime === "number";
  if (level > logLevel.WARN || namespace === "Connection" || log.error instanceof Error) return "debug";
  return isRetried && Number(log.retryCount) < quietRetries ? "debug" : "warn";
}

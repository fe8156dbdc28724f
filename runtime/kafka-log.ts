import { type LogEntry, logLevel } from "kafkajs";
import type { Log } from "./log.ts";

/** Retries that pass without notice: about a second, in which a new topic finds its leader. */
const quietRetries = 3;

/** Passes what kafkajs logs on to the program's own log. */
export const logCreatorOf = (log: Log) => () => (entry: LogEntry) => {
  const { message, timestamp: _, logger: __, stack: ___, ...properties } = entry.log;
  log[levelOf(entry)](`kafkajs: ${message}`, properties);
};

/**
 * kafkajs logs an error for each attempt, also where another one follows; what fails for good it throws to its caller,
 * who logs it. So nothing here is an error: retries are a warning once they have gone on for a while, and what a
 * connection reports is only said again by whoever asked, as are errors of our own that went through kafkajs. Pure.
 */
export function levelOf({ namespace, level, log }: Pick<LogEntry, "namespace" | "level" | "log">): "warn" | "debug" {
  const isRetried = typeof log.retryTime === "number";
  if (level > logLevel.WARN || namespace === "Connection" || log.error instanceof Error) return "debug";
  return isRetried && Number(log.retryCount) < quietRetries ? "debug" : "warn";
}

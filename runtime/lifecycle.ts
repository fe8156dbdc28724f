import { withShownAddresses } from "./addresses.ts";
import { ConfigError } from "./config.ts";
import type { Log } from "./log.ts";

/** Exit codes of all programs; Airflow retries only `retriable`. */
export const exitCodes = { done: 0, retriable: 1, final: 2 } as const;

/** How long a program may take to finish after a stop signal, in milliseconds. */
const stopWithinMs = 9_000;

/** An error that retrying cannot fix: the program exits with code 2. */
export class FinalError extends Error {
  override name = "FinalError";
}

/** An expected, transient failure whose message is sufficient: exit code 1, no stack in the log. */
export class TransientError extends Error {
  override name = "TransientError";
}

/** Work was interrupted by a stop signal; nothing else is wrong. */
export class StoppedError extends TransientError {
  override name = "StoppedError";
  constructor(readonly signal: string) {
    super(`stopped by ${signal}`);
  }
}

/**
 * Runs a program to its exit. SIGTERM and SIGINT abort `stop` with a StoppedError; `main` then has nine seconds to
 * finish the current work before the process logs an error and exits. Exit codes: 0 done, 1 worth a restart, 2 not.
 */
export async function run(log: Log, main: (stop: AbortSignal) => Promise<void>): Promise<never> {
  const stop = new AbortController();
  const ask = (signal: string) => {
    if (stop.signal.aborted) return;
    log.info("stopping", { signal });
    stop.abort(new StoppedError(signal));
    setTimeout(() => {
      log.error("did not stop in time", { stopWithinMs });
      process.exit(exitCodes.retriable);
    }, stopWithinMs).unref();
  };
  process.on("SIGTERM", ask).on("SIGINT", ask);

  try {
    await main(stop.signal);
    process.exit(exitCodes.done);
  } catch (error) {
    process.exit(report(log, error));
  }
}

/** Logs why a program failed, with one event for each configuration fault, and returns its exit code. */
function report(log: Log, error: unknown): number {
  if (error instanceof ConfigError) {
    for (const fault of error.faults) log.error("configuration is wrong", { fault });
    return exitCodes.final;
  }
  const final = isFinal(error);
  const isExpected = final || error instanceof TransientError;
  log.error("failed", { error: messageOf(error), retry: !final, ...(!isExpected && { stack: stackOf(error) }) });
  return final ? exitCodes.final : exitCodes.retriable;
}

/** Whether an error or one of its causes is a FinalError: libraries wrap what they are given. */
function isFinal(error: unknown): boolean {
  return error instanceof FinalError || (error instanceof Error && error.cause !== undefined && isFinal(error.cause));
}

/** An error's message and those of its causes, on one line, with the secret parts of addresses removed. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return withShownAddresses(String(error));
  const message = withShownAddresses(error.message);
  if (error.cause === undefined) return message;
  const cause = messageOf(error.cause);
  return message.endsWith(cause) ? message : `${message}: ${cause}`; // kafkajs repeats the cause's message
}

/** The stack frames of an error and its causes, without their messages. */
export function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const frames = error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [];
  const cause = stackOf(error.cause);
  return [`${error.name}:`, ...frames, ...(cause === undefined ? [] : [`caused by ${cause}`])].join("\n");
}

import { ConfigError } from "./config.ts";
import type { Log } from "./log.ts";

/** How a program ends; Airflow retries `retriable` alone. */
export const exitCodes = { done: 0, retriable: 1, final: 2 } as const;

/** How long a program may take to finish after it was asked to stop, in milliseconds. */
const stopWithinMs = 9_000;

/** An error that trying again cannot mend: the program exits with code 2. */
export class FinalError extends Error {
  override name = "FinalError";
}

/**
 * Runs a program to its exit. SIGTERM and SIGINT abort `stop`, and `main` then has nine seconds to finish the work in
 * hand; a watchdog names the program and ends it after that. Exit codes: 0 done, 1 worth a restart, 2 not.
 */
export async function run(log: Log, main: (stop: AbortSignal) => Promise<void>): Promise<never> {
  const stop = new AbortController();
  const ask = (signal: string) => {
    if (stop.signal.aborted) return;
    log.info("stopping", { signal });
    stop.abort(signal);
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
    const final = error instanceof ConfigError || error instanceof FinalError;
    log.error("failed", { error: messageOf(error), retry: !final });
    process.exit(final ? exitCodes.final : exitCodes.retriable);
  }
}

/** What an error says, its causes included, on one line. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}

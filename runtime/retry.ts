import pRetry from "p-retry";
import { messageOf } from "./lifecycle.ts";
import type { Log } from "./log.ts";

export interface RetryOptions {
  /** What is tried, for the log: "write", "connect to Cassandra". */
  what: string;
  /** Which errors are worth another attempt; any other is thrown at once. */
  while: (error: unknown) => boolean;
  /** Aborting it ends the waiting and rejects with the signal's reason. */
  stop: AbortSignal;
  log: Log;
  /** Awaited after each failure, before the next attempt: a heartbeat, a counter. */
  between?: (error: unknown) => Promise<void> | void;
  /** The longest wait between two attempts, in milliseconds. */
  maxWaitMs?: number;
}

/** Tries until it succeeds: exponential backoff from 100 ms with jitter, without end, for transient errors alone. */
export function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { what, stop, log, between, maxWaitMs = 5_000 } = options;
  return pRetry(work, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: Math.min(100, maxWaitMs),
    maxTimeout: maxWaitMs,
    randomize: true,
    signal: stop,
    shouldRetry: ({ error }) => options.while(error),
    onFailedAttempt: async ({ error, attemptNumber, retryDelay }) => {
      if (!options.while(error)) return;
      log.warn("retrying", { what, attempt: attemptNumber, waitMs: Math.round(retryDelay), error: messageOf(error) });
      await between?.(error);
    },
  });
}

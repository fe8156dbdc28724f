import { setTimeout as wait } from "node:timers/promises";
import { messageOf } from "./lifecycle.ts";
import type { Log } from "./log.ts";
import { NeedsAdministrator } from "./missing.ts";

export interface RetryOptions {
  /** The name of the work for the log: "write", "prepare Cassandra". */
  what: string;
  /** Which errors to retry; any other is thrown immediately. */
  while: (error: unknown) => boolean;
  /** Aborting it ends the wait and rejects with the signal's reason; an attempt in progress may still succeed. */
  stop: AbortSignal;
  log: Log;
  /** Awaited after each failure, before the next attempt: a heartbeat, a counter. */
  between?: (error: unknown) => Promise<void> | void;
  /** The longest wait between two attempts, in milliseconds. */
  maxWaitMs?: number;
}

/**
 * Retries transient errors indefinitely, with exponential backoff from 100 ms and jitter, and errors that an administrator has to
 * end, which are logged as such. Our own code: a library would
 * save only the backoff, and `stop`, `between` and the log would need as many lines around it.
 */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { what, stop, log, between, maxWaitMs = 5_000 } = options;
  for (let attempt = 1; ; attempt++) {
    stop.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!options.while(error)) throw error;
      stop.throwIfAborted();
      const waitMs = Math.round(backoffMs(attempt, maxWaitMs));
      const fields = { what, attempt, waitMs, error: messageOf(error) };
      if (error instanceof NeedsAdministrator) log.error("waiting for an administrator", fields);
      else log.warn("retrying", fields);
      await between?.(error);
      await wait(waitMs, undefined, { signal: stop }).catch(() => stop.throwIfAborted());
    }
  }
}

/** 100, 200, 400 … ms up to `maxWaitMs`, minus up to half at random, so that clients do not retry in lockstep. */
const backoffMs = (attempt: number, maxWaitMs: number) =>
  Math.min(100 * 2 ** Math.min(attempt - 1, 30), maxWaitMs) * (1 - Math.random() / 2);

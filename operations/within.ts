import { TransientError } from "../runtime/lifecycle.ts";

/**
 * Does work that would wait indefinitely for a service, but no longer than `withinMs`: the signal that it gets is then
 * aborted with `message`, as a TransientError. `stop` aborts it too.
 */
export async function within<T>(
  withinMs: number,
  message: string,
  stop: AbortSignal,
  work: (stop: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new TransientError(message)), withinMs);
  try {
    return await work(AbortSignal.any([stop, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

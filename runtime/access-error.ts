import { FinalError } from "./lifecycle.ts";
import { listSettings } from "./setting.ts";
import { Settings } from "./settings.ts";

/**
 * A server that cannot be used with the settings as they are: a wrong certificate, password or name, or a missing grant.
 * Waiting does not help.
 */
export class AccessError extends FinalError {
  override name = "AccessError";
  /** kafkajs retries any other error. */
  readonly retriable = false;
  /**
   * @param what what happened with which server
   * @param cure what to do, beginning with a verb in lower case
   */
  constructor(
    readonly what: string,
    readonly cure: string,
    options?: ErrorOptions,
  ) {
    super(`${what}; ${cure}`, options);
  }
}

const variables = new Map(listSettings(Settings).map(({ path, env }) => [path.join("."), env]));

/** A setting and its variable: `kafka.caFile (KAFKA_CA_FILE)`. */
export const named = (key: string) => `${key} (${variables.get(key)})`;

/** The AccessError among an error and its causes: libraries wrap what they are given. */
export function accessErrorIn(error: unknown): AccessError | undefined {
  if (error instanceof AccessError) return error;
  return error instanceof Error && error.cause !== undefined ? accessErrorIn(error.cause) : undefined;
}

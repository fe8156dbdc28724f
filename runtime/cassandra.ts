import { auth, Client, errors, policies, types } from "cassandra-driver";
import type { Config } from "./config.ts";

export type Cassandra = Client;

/**
 * A client that connects on its first query. Reads and writes use LOCAL_QUORUM. A request to a node fails if there is
 * no response within `readTimeoutMs`.
 */
export function openCassandra(
  { cassandra }: Pick<Config, "cassandra">,
  application: string,
  readTimeoutMs = 12_000,
): Cassandra {
  const { contactPoints, localDataCenter, username, password } = cassandra;
  return new Client({
    contactPoints,
    localDataCenter,
    applicationName: application,
    ...(username !== undefined && { authProvider: new auth.PlainTextAuthProvider(username, password ?? "") }),
    queryOptions: { prepare: true, consistency: types.consistencies.localQuorum, isIdempotent: true },
    socketOptions: { connectTimeout: 5_000, readTimeout: readTimeoutMs },
    pooling: { maxRequestsPerConnection: 32_768, warmup: true },
    policies: { reconnection: new policies.reconnection.ExponentialReconnectionPolicy(100, 5_000, false) },
  });
}

const transientCodes: ReadonlySet<number> = new Set([
  types.responseErrorCodes.serverError,
  types.responseErrorCodes.overloaded,
  types.responseErrorCodes.isBootstrapping,
  types.responseErrorCodes.unavailableException,
  types.responseErrorCodes.readTimeout,
  types.responseErrorCodes.readFailure,
  types.responseErrorCodes.writeTimeout,
  types.responseErrorCodes.writeFailure,
  types.responseErrorCodes.truncateError,
]);

/** Whether the same request may succeed when retried: Cassandra is unavailable, restarting, overloaded or slow. */
export function isTransient(error: unknown): boolean {
  if (error instanceof errors.NoHostAvailableError) {
    // Every node was tried; a permanent error from one of them, such as bad credentials, makes this one permanent.
    const causes = Object.values(error.innerErrors ?? {});
    return causes.every((cause) => !(cause instanceof errors.AuthenticationError));
  }
  if (error instanceof errors.OperationTimedOutError || error instanceof errors.BusyConnectionError) return true;
  if (error instanceof errors.ResponseError) return transientCodes.has(error.code);
  return isSocketError(error);
}

/** Whether Cassandra rejected the statement itself as invalid: retrying cannot store it. */
export function isInvalidStatement(error: unknown): boolean {
  return error instanceof errors.ResponseError && error.code === types.responseErrorCodes.invalid;
}

function isSocketError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_STREAM)/.test(code);
}

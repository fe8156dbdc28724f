import { auth, Client, errors, policies, types } from "cassandra-driver";
import { idField } from "../contract/entity.ts";
import { accessErrorIn } from "./access-error.ts";
import { explainRefusals } from "./cassandra/access.ts";
import { patchBatches } from "./cassandra/encoded-rows.ts";
import type { Config } from "./config.ts";
import { tlsOptions } from "./tls.ts";

patchBatches();

export type Cassandra = Client;

/** Longer than what a node takes to answer under load or while it collects garbage. */
const speculateAfterMs = 500;

/**
 * A client that connects on its first query. It fails with an AccessError where waiting does not help. Reads and writes
 * use LOCAL_QUORUM. A request to a node fails if there is no response within `readTimeoutMs`.
 */
export function openCassandra(
  { cassandra }: Pick<Config, "cassandra">,
  application: string,
  readTimeoutMs = 12_000,
): Cassandra {
  const { contactPoints, localDataCenter, username, password, tls, secureConnectBundle } = cassandra;
  const client = new Client({
    ...(secureConnectBundle === undefined
      ? {
          contactPoints,
          protocolOptions: { port: portOf(contactPoints) },
          localDataCenter,
          ...(tls && { sslOptions: tlsOptions(cassandra) }),
        }
      : { cloud: { secureConnectBundle } }),
    applicationName: application,
    ...(username !== undefined && { authProvider: new auth.PlainTextAuthProvider(username, password ?? "") }),
    queryOptions: { prepare: true, consistency: types.consistencies.localQuorum, isIdempotent: true },
    socketOptions: { connectTimeout: 5_000, readTimeout: readTimeoutMs },
    pooling: { maxRequestsPerConnection: 32_768, warmup: true },
    policies: {
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(100, 5_000, false),
      speculativeExecution: new SpeculateOnRows(speculateAfterMs, 1),
    },
  });
  explainRefusals(client, cassandra);
  return client;
}

/**
 * Asks a second node when the first has not answered for a while, so that one that hangs is not waited for. Only for
 * writes, which are the same when done twice (each has its write time), and for reads of one row: the second copy of a
 * scan would double the load when Cassandra is slow, and two of a CREATE TABLE may create two tables.
 */
class SpeculateOnRows extends policies.speculativeExecution.ConstantSpeculativeExecutionPolicy {
  /** `query` is an array for a batch. */
  override newPlan(keyspace: string, query: string | object[]) {
    return isOfRows(query) ? super.newPlan(keyspace, query) : { nextExecution: () => -1 };
  }
}

const isOfRows = (query: string | readonly object[]) =>
  typeof query !== "string" || query.startsWith("INSERT") || query.endsWith(` WHERE ${idField} = ?`);

/** Nodes tell the driver one another's addresses but not their port, so it has to be the same for all. */
function portOf([first = ""]: readonly string[]): number {
  const [, port = "9042"] = /:(\d+)$/.exec(first) ?? [];
  return Number(port);
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
  if (accessErrorIn(error)) return false;
  if (
    error instanceof errors.NoHostAvailableError ||
    error instanceof errors.OperationTimedOutError ||
    error instanceof errors.BusyConnectionError
  )
    return true;
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

import { errors, type QueryOptions, types } from "cassandra-driver";

/** Runs one statement. What it throws is the driver's error, or has it as its cause. */
export type Query = (cql: string, parameters: unknown[], options?: QueryOptions) => Promise<types.ResultSet>;

/** Cassandra's own error, if that is what was thrown. */
export function responseErrorOf(error: unknown): errors.ResponseError | undefined {
  if (error instanceof errors.ResponseError) return error;
  return error instanceof Error && error.cause instanceof errors.ResponseError ? error.cause : undefined;
}

/** A bigint as the driver takes it. */
export const longOf = (value: bigint) => types.Long.fromString(value.toString());

import { errors, type QueryOptions, types } from "cassandra-driver";
import { prepareCassandra } from "../operations/prepare-cassandra.ts";
import { type Cassandra, isInvalidStatement, isTransient } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { unavailable } from "./problem.ts";

export interface Database {
  /** Throws the 503 problem within a few seconds if Cassandra does not answer, and at once if it is known to be down. */
  query(cql: string, parameters: unknown[], options?: QueryOptions): Promise<types.ResultSet>;
  /**
   * Connects and brings the table up to date, retrying indefinitely, and again whenever the table or a column is
   * dropped. Until then queries throw the 503 problem. Resolves when `stop` aborts.
   * @throws on permanent errors such as wrong credentials
   */
  keepTable(stop: AbortSignal): Promise<void>;
}

export function openDatabase(
  client: Cassandra,
  config: Pick<Config, "cassandra" | "manageSchema">,
  log: Log,
): Database {
  let table = Promise.withResolvers<void>();
  let present = false;
  /** Why the table cannot be used as it is. */
  let unfit: string | undefined;

  const lost = () => {
    if (!present) return;
    present = false;
    table.resolve();
  };

  return {
    async query(cql, parameters, options) {
      if (!present) throw unavailable(undefined, unfit);
      try {
        return await client.execute(cql, parameters, options);
      } catch (error) {
        if (isUnfit(error)) lost();
        else if (!isTransient(error)) throw error;
        throw unavailable(error);
      }
    },

    async keepTable(stop) {
      stop.addEventListener("abort", () => table.resolve()); // requests in flight are still answered
      while (!stop.aborted) {
        try {
          await prepareCassandra(client, config, log, stop, (why) => {
            unfit = why;
          });
          unfit = undefined;
        } catch (error) {
          if (stop.aborted) return;
          throw error;
        }
        table = Promise.withResolvers<void>();
        present = true;
        if (stop.aborted) return;
        await table.promise;
      }
    },
  };
}

/** The keyspace, the table, a column or an index was dropped while the process was running. */
function isUnfit(error: unknown): boolean {
  if (error instanceof errors.NoHostAvailableError) return Object.values(error.innerErrors ?? {}).some(isUnfit);
  // What Cassandra forgets with an index, the driver prepares again; that Cassandra refuses it then, the driver keeps to itself.
  if (error instanceof errors.ResponseError && error.code === types.responseErrorCodes.unprepared) return true;
  return (
    isInvalidStatement(error) &&
    error instanceof Error &&
    /unconfigured table|does(n't| not) exist|undefined column|use ALLOW FILTERING/i.test(error.message)
  );
}

import type { QueryOptions, types } from "cassandra-driver";
import { type Cassandra, isInvalidStatement, isTransient, prepareCassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { unavailable } from "./problem.ts";

export interface Database {
  /** Throws the 503 problem within a few seconds if Cassandra does not answer, and at once if it is known to be down. */
  query(cql: string, parameters: unknown[], options?: QueryOptions): Promise<types.ResultSet>;
  /**
   * Connects and creates the table if it is missing, retrying indefinitely, and again whenever the table is dropped.
   * Resolves when `stop` aborts. @throws on permanent errors such as wrong credentials
   */
  keepTable(stop: AbortSignal): Promise<void>;
}

export function openDatabase(client: Cassandra, config: Pick<Config, "cassandra">, log: Log): Database {
  let table = Promise.withResolvers<void>();
  let present = false;

  const lost = () => {
    if (!present) return;
    present = false;
    table.resolve();
  };

  return {
    async query(cql, parameters, options) {
      if (!present) throw unavailable();
      try {
        return await client.execute(cql, parameters, options);
      } catch (error) {
        if (isTransient(error)) throw unavailable(error);
        if (!tableIsGone(error)) throw error;
        lost();
        throw unavailable(error);
      }
    },

    async keepTable(stop) {
      stop.addEventListener("abort", () => table.resolve()); // requests in flight are still answered
      while (!stop.aborted) {
        try {
          await prepareCassandra(client, config, log, stop);
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

/** The table or the keyspace was dropped while the process was running. */
function tableIsGone(error: unknown) {
  return (
    isInvalidStatement(error) &&
    error instanceof Error &&
    /unconfigured table|does(n't| not) exist/i.test(error.message)
  );
}

import type { QueryOptions, types } from "cassandra-driver";
import { type Cassandra, isInvalidStatement, isTransient, prepareCassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { unavailable } from "./errors.ts";

export interface Database {
  /** Answers, or throws the 503 problem within a few seconds: at once while Cassandra is known to be away. */
  query(cql: string, parameters: unknown[], options?: QueryOptions): Promise<types.ResultSet>;
  /**
   * Connects and makes the table where it is missing, for as long as that takes, and again whenever it is gone.
   * Resolves when `stop` aborts. @throws what no further attempt can mend, wrong credentials for one
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
      stop.addEventListener("abort", () => table.resolve()); // requests in hand still go through
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

/** Someone dropped the table or the keyspace under the running process. */
function tableIsGone(error: unknown) {
  return (
    isInvalidStatement(error) &&
    error instanceof Error &&
    /unconfigured table|does(n't| not) exist/i.test(error.message)
  );
}

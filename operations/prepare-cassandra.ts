import { type Cassandra, isTransient } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import type { Log } from "../runtime/log.ts";
import { retry } from "../runtime/retry.ts";
import { expectFit, logMigration, migrateCassandra, UnfitTable } from "./migrate.ts";

/**
 * Waits until Cassandra responds and has the contract's table, adding what is missing unless `manageSchema` is false.
 * While only somebody else can change the table, `onUnfit` is told why.
 */
export async function prepareCassandra(
  client: Cassandra,
  config: Pick<Config, "cassandra" | "manageSchema">,
  log: Log,
  stop: AbortSignal,
  onUnfit: (why: string) => void = () => {},
): Promise<void> {
  const { contactPoints, keyspace } = config.cassandra;
  const prepare = async () => {
    const report = await migrateCassandra(client, config, { apply: config.manageSchema });
    logMigration(report, log);
    expectFit(report);
  };
  await retry(prepare, {
    what: `prepare Cassandra at ${contactPoints.join(", ")}`,
    while: (error) => isTransient(error) || error instanceof UnfitTable,
    between: (error) => {
      if (error instanceof UnfitTable) onUnfit(error.message);
    },
    stop,
    log,
  });
  log.info("Cassandra is ready", { keyspace });
}

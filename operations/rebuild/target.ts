import { keyspace as defaultKeyspace, idField, table } from "../../contract/entity.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { FinalError } from "../../runtime/lifecycle.ts";
import { expectFit, migrateCassandra } from "../migrate.ts";

/** The comment of a table that belongs to `rebuild`: it may be written again. */
export const mark = "Written by rebuild, from the topics.";

/** The statement that removes a rebuilt keyspace. */
export const dropCql = (keyspace: string) => `DROP KEYSPACE ${keyspace};`;

/**
 * Creates the keyspace with the contract's table, and marks the table as written by rebuild. One that carries the mark
 * is accepted with its rows, since writing them again changes nothing.
 * @throws FinalError if it is the live keyspace, if its table has rows of other origin or another form
 */
export async function prepareTarget(
  cassandra: Cassandra,
  config: Pick<Config, "cassandra">,
  keyspace: string,
): Promise<void> {
  if (keyspace === config.cassandra.keyspace)
    throw new FinalError(`${keyspace} is the keyspace in use; rebuild into another one, then compare or switch to it`);
  const own = { cassandra: { ...config.cassandra, keyspace } };
  const before = await migrateCassandra(cassandra, own, { apply: false });
  if (before.missing.every(({ what }) => what !== `table ${table}`) && !(await isMarked(cassandra, keyspace))) {
    const { rows } = await cassandra.execute(`SELECT ${idField} FROM ${keyspace}.${table} LIMIT 1`);
    if (rows.length > 0)
      throw new FinalError(
        `${keyspace}.${table} has rows that rebuild did not write; choose a keyspace that does not exist yet`,
      );
  }
  expectFit(await migrateCassandra(cassandra, own, { apply: true }));
  await cassandra.execute(`ALTER TABLE ${keyspace}.${table} WITH comment = '${mark}'`, [], { prepare: false });
}

async function isMarked(cassandra: Cassandra, keyspace: string): Promise<boolean> {
  const { rows } = await cassandra.execute(
    "SELECT comment FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
    [keyspace, table],
    { prepare: false },
  );
  return rows[0]?.comment === mark;
}

/** An example of a name that is free on most clusters. */
export const exampleKeyspace = `${defaultKeyspace}_rebuilt`;

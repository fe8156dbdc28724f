import { errors } from "cassandra-driver";
import { table } from "../../contract/entity.ts";
import { accessErrorIn } from "../../runtime/access-error.ts";
import { type Cassandra, openCassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { migrateCassandra } from "../migrate.ts";
import { type Principal, principalsOf } from "./principals.ts";

type PasswordOf = (principal: Principal) => string;

/** Creates the table and a role for each principal. Repeating it changes nothing. */
export async function grantCassandra(config: Config, passwordOf: PasswordOf): Promise<void> {
  const client = openCassandra(config, "access");
  try {
    await execute(client, "ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false");
    await migrateCassandra(client, config, { apply: true });
    const { rows } = await client.execute("SELECT role FROM system_auth.roles");
    const existing = new Set(rows.map(({ role }) => role));
    for (const name of principalsOf("cassandra").filter((name) => !existing.has(name)))
      await execute(client, `CREATE ROLE ${name} WITH LOGIN = true AND PASSWORD = '${passwordOf(name)}'`);
    for (const grant of grants(config)) await execute(client, grant);
  } finally {
    await client.shutdown();
  }
}

/** What each role may do; all may read the schema. The operator makes keyspaces, for `rebuild --into`, and owns those. */
export function grants({ cassandra: { keyspace } }: Pick<Config, "cassandra">): string[] {
  const onTable = ["consumer", "api", "spark"].flatMap((role) =>
    ["SELECT", "MODIFY"].map((permission) => `GRANT ${permission} ON TABLE ${keyspace}.${table} TO ${role}`),
  );
  const operators = ["operate", "console"].flatMap((role) => [
    `GRANT ALL PERMISSIONS ON KEYSPACE ${keyspace} TO ${role}`,
    `GRANT CREATE ON ALL KEYSPACES TO ${role}`,
    `GRANT SELECT ON KEYSPACE system_views TO ${role}`, // the state of indexes
  ]);
  return [...onTable, ...operators];
}

/**
 * Logs in as the stack's own superuser, which the first one, whose password everybody knows, creates if it is missing.
 * @throws if the node does not answer, or has no role at all yet
 */
export async function ensureAdmin(config: Config, passwordOf: PasswordOf): Promise<void> {
  const admin = openCassandra(config, "access");
  try {
    await execute(admin, "SELECT now() FROM system.local");
  } catch (error) {
    if (!isWrongLogin(error)) throw error;
    await createAdmin(config, passwordOf("admin"));
  } finally {
    await admin.shutdown();
  }
}

async function createAdmin(config: Config, password: string) {
  const first = openCassandra(
    { cassandra: { ...config.cassandra, username: "cassandra", password: "cassandra" } },
    "access",
  );
  try {
    await execute(
      first,
      `CREATE ROLE IF NOT EXISTS admin WITH SUPERUSER = true AND LOGIN = true AND PASSWORD = '${password}'`,
    );
  } finally {
    await first.shutdown();
  }
}

const isWrongLogin = (error: unknown) => accessErrorIn(error)?.cause instanceof errors.AuthenticationError;

const execute = (client: Cassandra, statement: string) => client.execute(statement, [], { prepare: false });

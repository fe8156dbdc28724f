import { errors } from "cassandra-driver";
import { table } from "../../contract/entity.ts";
import { migrateCassandra } from "../../operations/migrate.ts";
import { accessErrorIn } from "../../runtime/access-error.ts";
import { type Cassandra, openCassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { certificateOf } from "../certificates.ts";
import type { Instance } from "../instance.ts";
import { passwordOf, principalsOf } from "../principals.ts";

/** The node's settings on a secure stack: clients log in over TLS, and other nodes would need a certificate of the stack. */
export function secureYaml(instance: Instance): string {
  const { pem, ca } = certificateOf(instance, "cassandra");
  const stores = `
  ssl_context_factory: { class_name: org.apache.cassandra.security.PEMBasedSslContextFactory }
  keystore: ${JSON.stringify(pem)}
  truststore: ${JSON.stringify(ca)}`;
  return `
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
client_encryption_options:
  enabled: true
  optional: false${stores}
server_encryption_options:
  internode_encryption: all
  require_client_auth: true${stores}

# Permissions are read again in the background, so that no request waits for that.
permissions_validity: 1m
permissions_update_interval: 10s
`;
}

/** Makes a fresh node create its first superuser at once, not after 10 s. */
export const firstRoleAtOnce = "-Dcassandra.superuser_setup_delay_ms=0";

/** Creates the table and a role for each principal. Repeating it changes nothing. */
export async function grantCassandra(instance: Instance, config: Config): Promise<void> {
  const client = openCassandra(config, "stack");
  try {
    await execute(client, "ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false");
    await migrateCassandra(client, config, { apply: true });
    const { rows } = await client.execute("SELECT role FROM system_auth.roles");
    const existing = new Set(rows.map(({ role }) => role));
    for (const name of principalsOf("cassandra").filter((name) => !existing.has(name)))
      await execute(
        client,
        `CREATE ROLE ${name} WITH LOGIN = true AND PASSWORD = '${passwordOf(instance, name, "cassandra")}'`,
      );
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
export async function ensureAdmin(instance: Instance, config: Config): Promise<void> {
  const admin = openCassandra(config, "stack");
  try {
    await execute(admin, "SELECT now() FROM system.local");
  } catch (error) {
    if (!isWrongLogin(error)) throw error;
    await createAdmin(instance, config);
  } finally {
    await admin.shutdown();
  }
}

async function createAdmin(instance: Instance, config: Config) {
  const first = openCassandra(
    { cassandra: { ...config.cassandra, username: "cassandra", password: "cassandra" } },
    "stack",
  );
  const password = passwordOf(instance, "admin", "cassandra");
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

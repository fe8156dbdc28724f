import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { openCassandra } from "../../../runtime/cassandra.ts";
import { until } from "../../../runtime/until.ts";
import { dataFolder, type Instance } from "../../../stack/instance.ts";
import { cassandra } from "../../../stack/services/cassandra.ts";
import { passwords } from "./passwords.ts";
import { start } from "./start.ts";

export type CassandraConfig = Parameters<typeof openCassandra>[0];

export async function startCassandra(instance: Instance, file: (name: string) => string) {
  await cassandra.prepare?.(instance, new AbortController().signal);
  const data = dataFolder(instance, "cassandra");
  appendFileSync(
    join(data, "cassandra.yaml"),
    `
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
client_encryption_options:
  enabled: true
  optional: false
  ssl_context_factory: { class_name: org.apache.cassandra.security.PEMBasedSslContextFactory }
  keystore: ${file("server.pem")}
  truststore: ${file("ca.crt")}
`,
  );
  const [program] = cassandra.programs(instance);
  const [java = "", ...args] = program!.argv;
  const argv = [
    java,
    "-Dcassandra.superuser_setup_delay_ms=0",
    ...args.map((arg) => arg.replace(/^(-Xm[sx])1g$/, "$1512m")),
  ];
  return start(instance, "cassandra", argv, data);
}

/** `reader` may only read the schema. */
export async function prepareRoles(config: CassandraConfig) {
  const client = await until("the secured Cassandra answers", async () => {
    const trying = openCassandra(config, "test");
    try {
      await trying.execute("SELECT now() FROM system.local");
      return trying;
    } catch (error) {
      await trying.shutdown();
      throw error;
    }
  });
  for (const role of ["pipeline", "stranger"] as const)
    await client.execute(`CREATE ROLE ${role} WITH LOGIN = true AND PASSWORD = '${passwords[role]}'`, [], {
      prepare: false,
    });
  await client.execute("GRANT ALL PERMISSIONS ON ALL KEYSPACES TO pipeline", [], { prepare: false });
  await client.shutdown();
}

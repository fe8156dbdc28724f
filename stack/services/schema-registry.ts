import { rmSync } from "node:fs";
import { join } from "node:path";
import { onlyReadsSchemas, principalsOf } from "../../operations/access/principals.ts";
import { registerSchemas } from "../../operations/access/registry.ts";
import { httpAccess } from "../../runtime/http-access.ts";
import { local } from "../addresses.ts";
import { authorityOf, certificateOf } from "../certificates.ts";
import { environmentOf, ownConfig } from "../environment.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { passwordOf } from "../principals.ts";
import { exitWhenOutOfMemory, sharedClasses, smallHeap } from "./java.ts";
import type { Service } from "./service.ts";

/** Apicurio Registry with its Confluent-compatible API. It stores schemas in its own database in PostgreSQL. */
export const schemaRegistry: Service = {
  name: "schema-registry",
  title: "Schema Registry",
  dependsOn: ["postgres"],
  ports: ["schemaRegistry"],
  address: (instance) => environmentOf(instance).SCHEMA_REGISTRY_URL,

  async prepare(instance) {
    const file = join(dataFolder(instance, "schema-registry"), "config", "application.properties");
    if (instance.isSecure) await Bun.write(file, secureProperties(instance));
    else rmSync(file, { force: true });
  },

  programs: (instance) => {
    const { config, installed, secrets } = instance;
    return [
      {
        name: "schema-registry",
        argv: [
          installed.java,
          ...smallHeap("64m", "256m"),
          exitWhenOutOfMemory,
          ...sharedClasses(instance, "schema-registry"),
          "-XX:TieredStopAtLevel=1",
          // On a busy machine the first connection over TLS took longer than the default of 5 s, which ends the process.
          "-Dquarkus.datasource.postgresql.jdbc.acquisition-timeout=60S",
          ...permissions(instance),
          // Its first connection creates the tables; if that takes longer, it goes on without them.
          "-Dquarkus.datasource.postgresql.jdbc.acquisition-timeout=60S",
          "-Dquarkus.management.host-enabled=false", // health and metrics, which would be on port 9000 of every interface
          "-jar",
          join(installed.bundle("schema-registry"), "quarkus-run.jar"),
        ],
        cwd: dataFolder(instance, "schema-registry"),
        env: {
          QUARKUS_HTTP_HOST: "127.0.0.1",
          [instance.isSecure ? "QUARKUS_HTTP_SSL_PORT" : "QUARKUS_HTTP_PORT"]: String(config.ports.schemaRegistry),
          APICURIO_DISABLE_APIS: disabledPaths,
          APICURIO_STORAGE_KIND: "sql",
          APICURIO_STORAGE_SQL_KIND: "postgresql",
          APICURIO_DATASOURCE_URL: `jdbc:postgresql://${local(config.ports.postgres)}/registry${tlsOf(instance)}`,
          APICURIO_DATASOURCE_USERNAME: "registry",
          APICURIO_DATASOURCE_PASSWORD: secrets.postgresRegistry,
          // After a restart of PostgreSQL, each dead connection in the pool fails one request. With fewer connections than
          // a client's attempts, a retry always succeeds.
          APICURIO_DATASOURCE_JDBC_INITIAL_SIZE: "1",
          APICURIO_DATASOURCE_JDBC_MIN_SIZE: "1",
          APICURIO_DATASOURCE_JDBC_MAX_SIZE: "3",
        },
        ...(instance.isSecure && { provide: (own: Instance) => registerSchemas(ownConfig(own)) }),
        async ready(instance) {
          const { url, ...access } = ownConfig(instance).schemaRegistry;
          const { headers, tls } = httpAccess(access);
          const response = await fetch(`${url}/subjects`, {
            headers,
            ...(tls && { tls }),
            signal: AbortSignal.timeout(5_000),
          });
          if (!response.ok) throw new Error(`Schema Registry responded with status ${response.status}`);
        },
      },
    ];
  },
};

/**
 * The registry does not authenticate clients, so administration, export and import are disabled: only the Confluent API
 * is available. Paths with a `;` are disabled too, since they could be interpreted differently.
 */
const disabledPaths = "(?!/apis/ccompat/v7/).*,.*;.*";

/**
 * Clients may register schemas and set a subject's compatibility, but neither delete nor change global settings. On a
 * secure stack they log in, and only writers may do that.
 */
const permissions = ({ isSecure }: Pick<Instance, "isSecure">) =>
  Object.entries({
    read: { paths: "/*", methods: "GET", policy: "readers" },
    subjects: { paths: "/apis/ccompat/v7/subjects/*,/apis/ccompat/v7/config/*", methods: "GET", policy: "readers" },
    check: { paths: "/apis/ccompat/v7/compatibility/*", methods: "GET,POST", policy: "readers" },
    register: { paths: "/apis/ccompat/v7/subjects/*", methods: "POST", policy: "writers" },
    subject: { paths: "/apis/ccompat/v7/config/*", methods: "PUT", policy: "writers" },
    everybody: { paths: "/apis/ccompat/v7/config", methods: "GET", policy: "readers" },
  }).flatMap(([name, { paths, methods, policy }]) => [
    `-Dquarkus.http.auth.permission.${name}.paths=${paths}`,
    `-Dquarkus.http.auth.permission.${name}.methods=${methods}`,
    `-Dquarkus.http.auth.permission.${name}.policy=${isSecure ? policy : "permit"}`,
  ]);

/** HTTPS and logins. Quarkus reads this file in its working folder; an argument could be seen by every account. */
function secureProperties(instance: Instance): string {
  const { certificate, key } = certificateOf(instance, "schema-registry");
  const users = principalsOf("registry").map((name) => [
    `quarkus.security.users.embedded.users.${name}=${passwordOf(instance, name, "registry")}`,
    `quarkus.security.users.embedded.roles.${name}=${onlyReadsSchemas(name) ? "reader" : "reader,writer"}`,
  ]);
  return `# Written by stack/services/schema-registry.ts at every start.
quarkus.http.insecure-requests=disabled
quarkus.http.ssl.certificate.files=${certificate}
quarkus.http.ssl.certificate.key-files=${key}
quarkus.http.auth.basic=true
quarkus.http.auth.policy.readers.roles-allowed=reader
quarkus.http.auth.policy.writers.roles-allowed=writer
quarkus.security.users.embedded.plain-text=true
${users.flat().join("\n")}
`;
}

/** PostgreSQL's certificate is checked on a secure stack. */
const tlsOf = (instance: Instance) =>
  instance.isSecure ? `?sslmode=verify-full&sslrootcert=${encodeURIComponent(authorityOf(instance))}` : "";

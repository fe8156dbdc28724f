import { local } from "../addresses.ts";
import { environmentOf } from "../environment.ts";
import { dataFolder } from "../instance.ts";
import { exitWhenOutOfMemory, smallHeap } from "./java.ts";
import type { Service } from "./service.ts";

/** Apicurio Registry with its Confluent-compatible API. It stores schemas in its own database in PostgreSQL. */
export const schemaRegistry: Service = {
  name: "schema-registry",
  title: "Schema Registry",
  dependsOn: ["postgres"],
  ports: ["schemaRegistry"],
  address: (instance) => environmentOf(instance).SCHEMA_REGISTRY_URL,

  programs: (instance) => {
    const { config, installed, secrets } = instance;
    const runner = `${installed.bundle("schema-registry")}/apicurio-registry-app-3.0.9-runner.jar`;
    return [
      {
        name: "schema-registry",
        argv: [
          installed.java,
          ...smallHeap("64m", "256m"),
          exitWhenOutOfMemory,
          "-XX:TieredStopAtLevel=1",
          ...permissions,
          "-jar",
          runner,
        ],
        cwd: dataFolder(instance, "schema-registry"),
        env: {
          QUARKUS_HTTP_HOST: "127.0.0.1",
          QUARKUS_HTTP_PORT: String(config.ports.schemaRegistry),
          APICURIO_DISABLE_APIS: disabledPaths,
          APICURIO_STORAGE_KIND: "sql",
          APICURIO_STORAGE_SQL_KIND: "postgresql",
          APICURIO_DATASOURCE_URL: `jdbc:postgresql://${local(config.ports.postgres)}/registry`,
          APICURIO_DATASOURCE_USERNAME: "registry",
          APICURIO_DATASOURCE_PASSWORD: secrets.postgresRegistry,
          // After a restart of PostgreSQL, each dead connection in the pool fails one request. With fewer connections than
          // a client's attempts, a retry always succeeds.
          APICURIO_DATASOURCE_JDBC_INITIAL_SIZE: "1",
          APICURIO_DATASOURCE_JDBC_MIN_SIZE: "1",
          APICURIO_DATASOURCE_JDBC_MAX_SIZE: "3",
        },
        async ready(instance) {
          const { SCHEMA_REGISTRY_URL } = environmentOf(instance);
          const response = await fetch(`${SCHEMA_REGISTRY_URL}/subjects`, { signal: AbortSignal.timeout(5_000) });
          if (!response.ok) throw new Error(`Schema Registry responded with status ${response.status}`);
        },
      },
    ];
  },
};

/**
 * The registry does not authenticate clients, so administration, export and import are disabled: only the Confluent API
 * and the health check are available. Paths with a `;` are disabled too, since they could be interpreted differently.
 */
const disabledPaths = "(?!/apis/ccompat/v7/|/health).*,.*;.*";

/** Clients may register schemas and set a subject's compatibility, but neither delete nor change global settings. */
const permissions = Object.entries({
  read: { paths: "/*", methods: "GET" },
  register: { paths: "/apis/ccompat/v7/subjects/*,/apis/ccompat/v7/compatibility/*", methods: "GET,POST" },
  subject: { paths: "/apis/ccompat/v7/config/*", methods: "GET,PUT" },
  everybody: { paths: "/apis/ccompat/v7/config", methods: "GET" },
}).flatMap(([name, { paths, methods }]) => [
  `-Dquarkus.http.auth.permission.${name}.paths=${paths}`,
  `-Dquarkus.http.auth.permission.${name}.methods=${methods}`,
  `-Dquarkus.http.auth.permission.${name}.policy=permit`,
]);

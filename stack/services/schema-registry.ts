import { local } from "../addresses.ts";
import { environmentOf } from "../environment.ts";
import { dataFolder } from "../instance.ts";
import { endWhenOutOfMemory, smallHeap } from "./java.ts";
import type { Service } from "./service.ts";

/** Apicurio Registry with its Confluent API. It keeps the schemas in a database of its own in PostgreSQL. */
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
          endWhenOutOfMemory,
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
          // Its pool notices a connection that died with PostgreSQL only when a request fails on it. With fewer of them
          // than a client tries, no client notices.
          APICURIO_DATASOURCE_JDBC_INITIAL_SIZE: "1",
          APICURIO_DATASOURCE_JDBC_MIN_SIZE: "1",
          APICURIO_DATASOURCE_JDBC_MAX_SIZE: "3",
        },
        async ready(instance) {
          const { SCHEMA_REGISTRY_URL } = environmentOf(instance);
          const response = await fetch(`${SCHEMA_REGISTRY_URL}/subjects`, { signal: AbortSignal.timeout(5_000) });
          if (!response.ok) throw new Error(`Schema Registry answers ${response.status}`);
        },
      },
    ];
  },
};

/**
 * Everybody who reaches the registry is the same to it, so it has no administration, export or import: only the
 * Confluent API and its health are there. A path with a `;` is none of theirs, and could be read as another.
 */
const disabledPaths = "(?!/apis/ccompat/v7/|/health).*,.*;.*";

/** Of the Confluent API, registering a schema and a subject's compatibility: nothing is deleted or holds for everybody. */
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

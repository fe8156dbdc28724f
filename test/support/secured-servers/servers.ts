/**
 * Servers that ask for TLS and a login, as those of a company do: Kafka, Cassandra and PostgreSQL with files and ports of
 * their own, and a front with TLS for the stack's Schema Registry.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { openKafka } from "../../../runtime/kafka.ts";
import { openInstance } from "../../../stack/instance.ts";
import { removePostgresFolder } from "../../../stack/services/postgres-files.ts";
import { freePort } from "../free-port.ts";
import { plainEnvironment } from "../plain-environment.ts";
import { bundleOf } from "./bundle.ts";
import { type CassandraConfig, prepareRoles, startCassandra } from "./cassandra.ts";
import { type KafkaAddresses, kafkaAnswers, startKafka } from "./kafka.ts";
import { preparePostgres, startPostgres } from "./postgres.ts";
import { openFronts } from "./registry.ts";
import { serveTokens } from "./tokens.ts";

export interface SecuredServers {
  folder: string;
  /** The path of a certificate or key: `ca.crt`, `client.key`. */
  file: (name: string) => string;
  /** host:port of each of Kafka's listeners. */
  kafka: KafkaAddresses;
  cassandra: string;
  /** PostgreSQL's URL without a password. */
  postgresUrl: (role: string) => string;
  registry: Record<"login" | "certificate" | "expired" | "plain", string>;
  /** Where the tokens for Kafka come from; its client is `pipeline`. */
  tokenUrl: string;
  asAdmin: { KafkaConfig: Parameters<typeof openKafka>[0]; CassandraConfig: CassandraConfig };
  close: () => Promise<void>;
}

export async function startSecuredServers(registryUrl: string): Promise<SecuredServers> {
  const folder = mkdtempSync(join(tmpdir(), "secured-"));
  const ports = { kafka: freePort(), certified: freePort(), expired: freePort(), plain: freePort(), login: freePort() };
  const [CASSANDRA_PORT, CASSANDRA_STORAGE_PORT, POSTGRES_PORT, KAFKA_CONTROLLER_PORT] = [0, 1, 2, 3].map(() =>
    String(freePort()),
  );
  const instance = await openInstance({
    ...plainEnvironment(),
    STACK_DIR: join(folder, "stack"),
    KAFKA_PORT: String(ports.kafka),
    KAFKA_CONTROLLER_PORT,
    CASSANDRA_PORT,
    CASSANDRA_STORAGE_PORT,
    POSTGRES_PORT,
  });
  const file = (name: string) => join(folder, name);
  const made = Bun.spawnSync([instance.installed.python, join(import.meta.dir, "certificates.py"), folder]);
  if (made.exitCode !== 0) throw new Error(String(made.stderr));
  const at = (port: number | string | undefined) => `127.0.0.1:${port}`;
  const kafka = {
    secured: at(ports.kafka),
    certified: at(ports.certified),
    expired: at(ports.expired),
    plain: at(ports.plain),
    login: at(ports.login),
  };
  const tokens = await serveTokens(file("jwks.json"));
  const fronts = openFronts(registryUrl, file);
  const settings = instance.config;
  const asAdmin = {
    KafkaConfig: { kafka: { ...settings.kafka, brokers: [kafka.plain] } },
    CassandraConfig: {
      cassandra: {
        ...settings.cassandra,
        contactPoints: [at(CASSANDRA_PORT)],
        tls: true,
        caFile: file("ca.crt"),
        username: "cassandra",
        password: "cassandra",
      },
    },
  };
  const processes = await Promise.all([
    startKafka(instance, kafka, file),
    startCassandra(instance, file),
    startPostgres(instance, file),
  ]);
  await Promise.all([
    kafkaAnswers(asAdmin.KafkaConfig),
    prepareRoles(asAdmin.CassandraConfig),
    preparePostgres(instance),
  ]);
  const metadata = await bundleOf(asAdmin.CassandraConfig, instance, file);
  return {
    folder,
    file,
    kafka,
    cassandra: at(CASSANDRA_PORT),
    postgresUrl: (role) => `postgres://${role}@${at(POSTGRES_PORT)}/users`,
    registry: fronts.urls,
    tokenUrl: `${tokens.url.origin}/token`,
    asAdmin,
    async close() {
      for (const process of processes) process.kill("SIGKILL");
      await Promise.all([
        ...processes.map(({ exited }) => exited),
        tokens.stop(true),
        metadata.stop(true),
        fronts.close(),
      ]);
      removePostgresFolder(instance);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

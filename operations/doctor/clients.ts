import { getLogger } from "@logtape/logtape";
import type { Admin, Kafka } from "kafkajs";
import { type Cassandra, openCassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { httpAccess } from "../../runtime/http-access.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openPostgres, type Postgres } from "../../runtime/postgres.ts";
import { type Cures, curesOf, placeOf } from "./cures.ts";

type Env = Record<string, string | undefined>;

/** The base URLs of what is asked over HTTP; undefined for what is not known to be there. */
export interface WebAddresses {
  registry: string;
  connect?: string;
  airflow?: string;
  /** The embedded source, if users come from it. */
  source?: string;
  consumer?: string;
  api?: string;
  console?: string;
  /** The page of Spark's master. */
  spark?: string;
}

/** Clients of all services. Each connects when it is first used. */
export interface Clients {
  config: Config;
  web: WebAddresses;
  /** Airflow's login. */
  login: { username: string; password: string };
  kafka: Kafka;
  /** The connected admin client; every call has the same. */
  admin: () => Promise<Admin>;
  sql: Postgres;
  cassandra: Cassandra;
  /** The commands that cures name. */
  cures: Cures;
  close: () => Promise<void>;
}

export interface ClientOptions {
  config: Config;
  env: Env;
  /** PostgreSQL's URL, with its password. */
  postgresUrl: string;
  /** The address that users are fetched from, if it is the embedded source's. */
  sourceUrl?: string;
  /** Whether the native stack runs what has no address of its own in the environment. */
  isNative: boolean;
}

export function openClients(options: ClientOptions): Clients {
  const { config, env, postgresUrl, isNative } = options;
  const kafka = openKafka(config, "doctor", getLogger("doctor"), 1);
  const sql = openPostgres({ ...config.postgres, url: postgresUrl }, 4, { arrays: false });
  const cassandra = openCassandra(config, "doctor", 5_000);
  let admin: Promise<Admin> | undefined;
  const connect = async () => {
    const client = kafka.admin();
    await client.connect();
    return client;
  };
  return {
    config,
    web: webAddresses(options),
    login: { username: env.AIRFLOW_USER || "admin", password: env.AIRFLOW_PASSWORD || "admin" },
    kafka,
    admin: () => (admin ??= connect()),
    sql,
    cassandra,
    cures: curesOf(config.ports, placeOf(isNative, env)),
    async close() {
      const connected = admin?.then((client) => client.disconnect());
      await Promise.allSettled([sql.end({ timeout: 0 }), cassandra.shutdown(), connected]);
    },
  };
}

/** What a request needs to be let in, for fetch. */
export function webAccess({ schemaRegistry, connect }: Config, name: keyof WebAddresses) {
  const { headers, tls } = httpAccess(name === "registry" ? schemaRegistry : name === "connect" ? connect : {});
  return { headers: { connection: "close", ...headers }, ...(tls && { tls }) };
}

export function webAddresses({ config, env, sourceUrl, isNative }: Omit<ClientOptions, "postgresUrl">): WebAddresses {
  const { ports, schemaRegistry } = config;
  const at = (url: string | undefined, port: number) => url || (isNative ? `http://127.0.0.1:${port}` : undefined);
  return {
    registry: schemaRegistry.url,
    connect: at(env.CONNECT_URL, ports.connect),
    airflow: at(env.AIRFLOW_URL, ports.airflow),
    ...(sourceUrl && (isNative || env.EMBEDDED_SOURCE_URL) && { source: new URL(sourceUrl).origin }),
    consumer: at(env.CONSUMER_URL, ports.consumer),
    api: at(env.API_URL, ports.api),
    console: at(env.CONSOLE_URL, ports.console),
    ...(env.SPARK_URL && { spark: env.SPARK_URL }),
  };
}

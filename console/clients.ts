import type { Admin } from "kafkajs";
import { type WebAddresses, webAddresses } from "../operations/doctor/clients.ts";
import { subjectOf } from "../operations/doctor/subject.ts";
import { postgresUrl, runsFolder, stackFolder, usesStack } from "../operations/native-stack.ts";
import type { Clients as WhereClients } from "../operations/where/facts.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openKafka } from "../runtime/kafka.ts";
import type { Log } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openRegistry } from "../runtime/registry.ts";
import { allSettings, type Config, embeddedSource, salvageConfig } from "../sources/config.ts";
import { type Doctor, openDoctor } from "./doctor.ts";

type Env = Record<string, string | undefined>;

/**
 * Clients of all services, for as long as the console runs. Each connects when it is first used, and again after its
 * service was away; a request fails at once or within seconds, never hangs.
 */
export interface Clients extends WhereClients {
  config: Config;
  env: Env;
  /** PostgreSQL's URL with its password. */
  postgresUrl: string;
  /** The connected admin client; every call has the same. */
  admin: () => Promise<Admin>;
  web: WebAddresses;
  doctor: Doctor;
  /** The folder of the native stack; undefined if the services are elsewhere, such as in containers. */
  stackFolder: string | undefined;
  close: () => Promise<void>;
}

const timeoutMs = 4_000;

export function openClients(config: Config, log: Log, env: Env = process.env): Clients {
  const isNative = usesStack(config);
  const url = postgresUrl(config, env);
  const kafka = openKafka(config, "console", log, 1, timeoutMs);
  const sql = openPostgres({ ...config.postgres, url }, 4);
  const cassandra = openCassandra(config, "console", timeoutMs);
  let admin: Promise<Admin> | undefined;
  const connect = async () => {
    const client = kafka.admin();
    await client.connect();
    return client;
  };
  return {
    config,
    env,
    log,
    kafka,
    sql,
    cassandra,
    registry: openRegistry(config.schemaRegistry, config.manageSchema),
    postgresUrl: url,
    runsFolder: runsFolder(env),
    web: webAddresses({ config, env, isNative, ...embeddedSource(config, env) }),
    doctor: openDoctor(() => subjectNow(env), log),
    stackFolder: isNative ? stackFolder(env) : undefined,
    admin() {
      admin ??= connect().catch((error) => {
        admin = undefined;
        throw error;
      });
      return admin;
    },
    async close() {
      const disconnected = admin?.then((client) => client.disconnect());
      await Promise.allSettled([sql.end({ timeout: 1 }), cassandra.shutdown(), disconnected]);
    },
  };
}

/** What doctor looks at, by the settings as they are now. */
function subjectNow(env: Env) {
  const salvaged = salvageConfig(env);
  return subjectOf({ ...salvaged, ...embeddedSource(salvaged.config, env), settings: allSettings, env });
}

/**
 * The pipeline hop by hop, as it is now: how many records, how far behind. Each look asks every service once; what a
 * service does not answer is missing from it.
 */
import type { Admin, Kafka } from "kafkajs";
import { connector } from "../../contract/entity.ts";
import type { Cassandra } from "../../runtime/cassandra.ts";
import type { Config } from "../../runtime/config.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { tokensOf } from "../../runtime/named-tokens.ts";
import type { Postgres } from "../../runtime/postgres.ts";
import { type ConnectApi, connectorState, openConnector } from "../connector.ts";
import type { WebAddresses } from "../doctor/clients.ts";
import type { Service } from "../doctor/finding.ts";
import { openKafkaLook } from "./kafka-look.ts";
import type { Look } from "./look.ts";
import { addressesOf, probe } from "./probes.ts";
import { lookAtApi, lookAtConsumer } from "./programs.ts";
import { openRunLook } from "./run.ts";
import { openCassandraLook, openPostgresLook } from "./stores.ts";

export interface FlowClients {
  config: Config;
  web: WebAddresses;
  login: { username: string; password: string };
  /** Where users come from, safe to show. */
  sourceUrl: string;
  /** Whether that is the embedded source. */
  isEmbedded: boolean;
  kafka: Kafka;
  admin: () => Promise<Admin>;
  sql: Postgres;
  cassandra: Cassandra;
}

export interface Flow {
  /** Looks at everything. A service that hangs holds it up for seconds. */
  look: () => Promise<Look>;
  /** Only what changes by the second and costs little: topics, the group and the consumer's counters. */
  glance: () => Promise<Look>;
  /** Which services accept no connection, and why; within two seconds. */
  probe: () => Promise<Map<Service, string>>;
  close: () => Promise<void>;
}

/** How long a service may take to answer, in milliseconds. */
const withinMs = 5_000;

export function openFlow(clients: FlowClients): Flow {
  const { config, web, sql, cassandra } = clients;
  const addresses = addressesOf(config, web, clients.isEmbedded ? clients.sourceUrl : undefined);
  const kafka = openKafkaLook(clients);
  const askPostgres = openPostgresLook(sql);
  const askCassandra = openCassandraLook(cassandra, config.cassandra.keyspace);
  const askRun = web.airflow ? openRunLook(loginOf(web.airflow, clients.login)) : undefined;
  const { consumer, api } = web;
  const [named] = tokensOf(config.api);
  const connect = config.cdc.apply ? web.connect : undefined;

  const emptyLook = async (): Promise<Look> => ({ atMs: Date.now(), away: await probe(addresses), silent: new Map() });
  const glanceInto = (found: Look) =>
    Promise.all([
      ask(found, "Kafka", kafka.topics),
      consumer && ask(found, "the consumer", async () => ({ consumer: await lookAtConsumer(consumer) })),
    ]);

  return {
    probe: () => probe(addresses),
    async glance() {
      const found = await emptyLook();
      await glanceInto(found);
      return found;
    },
    async look() {
      const found = await emptyLook();
      const glanced = glanceInto(found);
      await Promise.all([
        glanced.then(() => ask(found, "Kafka", kafka.newest)),
        glanced.then(() => ask(found, "Kafka", () => kafka.openLetters(found.topics))),
        glanced.then(() => ask(found, "Cassandra", () => askCassandra(found.consumer?.stored))),
        ask(found, "PostgreSQL", async () => ({ postgres: await askPostgres() })),
        askRun && ask(found, "Airflow", async () => ({ run: (await askRun()) ?? "none" })),
        api && ask(found, "the API", async () => ({ api: await lookAtApi(api, named?.token) })),
        connect && ask(found, "Kafka Connect", () => lookAtConnector({ url: connect, ...config.connect })),
      ]);
      return found;
    },
    close: kafka.close,
  };
}

async function lookAtConnector(connect: ConnectApi): Promise<Partial<Look>> {
  const one = openConnector(connect, connector);
  return { connector: connectorState(one, await one.status()) };
}

/** Asks a service, unless it is known to be away or silent; why it does not answer becomes part of the look. */
async function ask(found: Look, service: Service, work: () => Promise<Partial<Look>>): Promise<void> {
  const { away, silent } = found;
  if (away.has(service) || silent.has(service)) return;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${withinMs / 1_000} s`)), withinMs);
  try {
    Object.assign(found, await Promise.race([work(), late.promise]));
  } catch (error) {
    silent.set(service, messageOf(error).split("\n")[0] ?? "");
  } finally {
    clearTimeout(timer);
  }
}

const loginOf = (url: string, { username, password }: FlowClients["login"]) => ({
  AIRFLOW_URL: url,
  AIRFLOW_USER: username,
  AIRFLOW_PASSWORD: password,
});

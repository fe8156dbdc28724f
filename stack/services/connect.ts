import { join } from "node:path";
import { replicationRole } from "../../contract/change-capture.ts";
import { p12Password } from "../../operations/access/certificates.ts";
import { httpAccess } from "../../runtime/http-access.ts";
import { everyNode, local } from "../addresses.ts";
import { certificateOf, clientCertificate, operatorCertificate } from "../certificates.ts";
import { environmentOf, ownConfig } from "../environment.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { classPathOf, exitWhenOutOfMemory, logging, quietAboutInternals, sharedClasses, smallHeap } from "./java.ts";
import { clientProperties } from "./kafka-access.ts";
import type { Service } from "./service.ts";

/** One Kafka Connect worker with Debezium's PostgreSQL connector. */
export const connect: Service = {
  name: "connect",
  title: "Kafka Connect",
  dependsOn: ["kafka", "postgres"],
  ports: ["connect"],
  address: (instance) => environmentOf(instance).CONNECT_URL,

  async prepare(instance) {
    await Bun.write(join(dataFolder(instance, "connect"), "worker.properties"), properties(instance));
  },

  programs: (instance) => {
    const folder = dataFolder(instance, "connect");
    return [
      {
        name: "connect",
        argv: [
          instance.installed.java,
          ...smallHeap("128m", "512m"),
          exitWhenOutOfMemory,
          ...readsNoFiles,
          ...logging(levels),
          ...quietAboutInternals,
          ...sharedClasses(instance, "connect"),
          ...["-cp", classPathOf(instance, "connect")],
          "org.apache.kafka.connect.cli.ConnectDistributed",
          join(folder, "worker.properties"),
        ],
        cwd: folder,
        env: connectorVariables(instance),
        stopWithinSeconds: 20,
        ready: isHealthy,
      },
    ];
  },
};

/**
 * The values of `${env:…}` in postgres-connector.json. Anyone with access to Connect's API can make it send these values
 * anywhere, so they contain no secret: Debezium authenticates with a private key that is never sent to a server.
 */
const connectorVariables = (instance: Instance) => ({
  CDC_POSTGRES_HOST: "127.0.0.1",
  CDC_POSTGRES_PORT: String(instance.config.ports.postgres),
  CDC_POSTGRES_DATABASE: "users",
  CDC_POSTGRES_USER: replicationRole,
  CDC_POSTGRES_TLS: clientCertificate(instance),
});

/**
 * A connector's configuration could make its clients read local files or the environment and send them to any server:
 * Kafka's clients by a configuration provider or a token URL, PostgreSQL's by the password files of the account that runs
 * the stack.
 */
const readsNoFiles = [
  "-Dorg.apache.kafka.automatic.config.providers=none",
  "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=none",
  "-Dorg.postgresql.pgpassfile=/dev/null",
  "-Dorg.postgresql.pgservicefile=/dev/null",
];

const properties = (instance: Instance) => {
  const { kafka, connect } = instance.config.ports;
  const scheme = instance.isSecure ? "https" : "http";
  return `# Written by stack/services/connect.ts at every start.
bootstrap.servers=${everyNode(instance, kafka).join(",")}
group.id=connect
listeners=${scheme}://${local(connect)}
rest.advertised.host.name=127.0.0.1
rest.advertised.port=${connect}
# Clients must not be able to change log levels.
admin.listeners=
plugin.path=${instance.installed.bundle("debezium")}
plugin.discovery=service_load

# Each batch of change events is committed in one transaction with its position: no loss, no duplicates.
exactly.once.source.support=enabled

# Connectors may not configure their Kafka clients; the largest change event needs this request size.
connector.client.config.override.policy=None
producer.max.request.size=16777216
# By default ten change events are a batch, and the broker and the consumer spend more on it than on its events.
producer.batch.size=262144

# A connector's configuration may refer only to these environment variables.
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.env.param.allowlist.pattern=CDC_POSTGRES_(HOST|PORT|DATABASE|USER|TLS)

key.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false

# -1: as many replicas as the broker gives by default.
offset.storage.topic=connect-offsets
offset.storage.partitions=1
offset.storage.replication.factor=-1
offset.storage.segment.bytes=16777216
config.storage.topic=connect-configs
config.storage.replication.factor=-1
status.storage.topic=connect-status
status.storage.partitions=1
status.storage.replication.factor=-1
status.storage.segment.bytes=16777216

# How long the broker holds a request for records of Connect's own topics while there are none.
fetch.max.wait.ms=5000

# There is only one worker: after a crash it need not wait for others to return.
session.timeout.ms=6000
heartbeat.interval.ms=2000
scheduled.rebalance.max.delay.ms=0
${instance.isSecure ? secureProperties(instance) : ""}`;
};

/**
 * HTTPS for the operator's certificate only, and the login with which the worker and its connectors use Kafka. Connect has
 * passwords only with an extension that is not in its own jars.
 */
function secureProperties(instance: Instance): string {
  const kafka = Object.entries(clientProperties(instance, "connect"));
  return [
    "",
    "rest.advertised.listener=https",
    "listeners.https.ssl.keystore.type=PKCS12", // unlike Kafka's clients, the REST server reads no PEM
    `listeners.https.ssl.keystore.location=${certificateOf(instance, "connect").p12}`,
    `listeners.https.ssl.keystore.password=${p12Password}`,
    `listeners.https.ssl.key.password=${p12Password}`,
    "listeners.https.ssl.truststore.type=PKCS12",
    `listeners.https.ssl.truststore.location=${operatorCertificate(instance).trust}`,
    `listeners.https.ssl.truststore.password=${p12Password}`,
    "listeners.https.ssl.client.auth=required",
    ...["", "producer.", "consumer.", "admin."].flatMap((prefix) =>
      kafka.map(([key, value]) => `${prefix}${key}=${value}`),
    ),
    "",
  ].join("\n");
}

const levels = {
  default: "warn",
  "org.apache.kafka.connect.runtime.rest": "info",
  "org.apache.kafka.connect.runtime.distributed": "info",
  "io.debezium": "info",
};

async function isHealthy(instance: Instance) {
  const { headers, tls } = httpAccess(ownConfig(instance).connect);
  const url = `${environmentOf(instance).CONNECT_URL}/health`;
  const response = await fetch(url, { headers, ...(tls && { tls }), signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`Kafka Connect responded with status ${response.status}: ${await response.text()}`);
}

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openKafka } from "../../../runtime/kafka.ts";
import { openLog } from "../../../runtime/log.ts";
import { until } from "../../../runtime/until.ts";
import { dataFolder, type Instance } from "../../../stack/instance.ts";
import { classPathOf, smallHeap } from "../../../stack/services/java.ts";
import { passwords } from "./passwords.ts";
import { start } from "./start.ts";

/** Kafka's listeners for clients, by protocol; `expired` has a certificate that has expired. */
const listeners = {
  secured: "SASL_SSL",
  certified: "SSL",
  expired: "SSL",
  plain: "PLAINTEXT",
  login: "SASL_PLAINTEXT",
} as const;

/** host:port of each listener. */
export type KafkaAddresses = Record<keyof typeof listeners, string>;

/** One broker with every way to log in; `PLAINTEXT` is its administrator's. */
export async function startKafka(instance: Instance, addresses: KafkaAddresses, file: (name: string) => string) {
  const data = dataFolder(instance, "kafka");
  const properties = join(data, "kraft.properties");
  const names = Object.keys(listeners) as (keyof typeof listeners)[];
  const keys = `file://${file("jwks.json")}`;
  const controller = `127.0.0.1:${instance.config.ports.kafkaController}`;
  const login = (name: string) => `org.apache.kafka.common.security.${name} required`;
  const plain = Object.entries(passwords)
    .map(([user, password]) => `user_${user}="${password}"`)
    .join(" ");
  const keystore = (name: string, certificate: string) =>
    `listener.name.${name}.ssl.keystore.type=PEM\nlistener.name.${name}.ssl.keystore.location=${file(certificate)}\nlistener.name.${name}.ssl.truststore.type=PEM\nlistener.name.${name}.ssl.truststore.location=${file("ca.crt")}`;
  writeFileSync(
    properties,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@${controller}
listeners=${names.map((name) => `${name.toUpperCase()}://${addresses[name]}`).join(",")},CONTROLLER://${controller}
advertised.listeners=${names.map((name) => `${name.toUpperCase()}://${addresses[name]}`).join(",")}
listener.security.protocol.map=${names.map((name) => `${name.toUpperCase()}:${listeners[name]}`).join(",")},CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs=${join(data, "log")}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
${keystore("secured", "server.pem")}
${keystore("certified", "server.pem")}
listener.name.certified.ssl.client.auth=required
${keystore("expired", "expired.pem")}
listener.name.secured.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.secured.plain.sasl.jaas.config=${login("plain.PlainLoginModule")} ${plain};
listener.name.secured.scram-sha-256.sasl.jaas.config=${login("scram.ScramLoginModule")};
listener.name.secured.scram-sha-512.sasl.jaas.config=${login("scram.ScramLoginModule")};
listener.name.secured.oauthbearer.sasl.jaas.config=${login("oauthbearer.OAuthBearerLoginModule")};
listener.name.secured.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.secured.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=${keys}
listener.name.secured.oauthbearer.sasl.oauthbearer.expected.audience=kafka
listener.name.secured.oauthbearer.sasl.oauthbearer.expected.issuer=tests
listener.name.login.sasl.enabled.mechanisms=PLAIN
listener.name.login.plain.sasl.jaas.config=${login("plain.PlainLoginModule")} ${plain};
`,
  );
  const java = [
    instance.installed.java,
    ...smallHeap("128m", "384m"),
    `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${keys}`,
    ...["-cp", classPathOf(instance, "kafka")],
  ];
  const scram = Object.entries(passwords).flatMap(([user, password]) =>
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${user},password=${password}]`,
    ]),
  );
  const format = start(instance, "kafka-format", [
    ...java,
    "kafka.tools.StorageTool",
    "format",
    "--cluster-id=MkU3OEVBNTcwNTJENDM2Qk",
    "-c",
    properties,
    ...scram,
  ]);
  if ((await format.exited) !== 0)
    throw new Error(readFileSync(join(instance.folder, "logs", "kafka-format.log"), "utf8"));
  return start(instance, "kafka", [...java, "kafka.Kafka", properties], data);
}

export const kafkaAnswers = (config: Parameters<typeof openKafka>[0]) =>
  until("the secured Kafka answers", async () => {
    const admin = openKafka(config, "test", openLog("test", "fatal"), 0).admin();
    try {
      await admin.connect();
      return (await admin.describeCluster()).brokers.length > 0;
    } finally {
      await admin.disconnect();
    }
  });

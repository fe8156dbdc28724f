import { join } from "node:path";
import {
  type AclEntry,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  ResourcePatternTypes,
} from "kafkajs";
import { forgottenTopicOf, topicPrefix } from "../../contract/entity.ts";
import type { Config } from "../../runtime/config.ts";
import { createTopics, wantedTopics } from "../../runtime/kafka/topics.ts";
import { until } from "../../runtime/until.ts";
import { authorityOf, certificateOf } from "../certificates.ts";
import type { Instance } from "../instance.ts";
import { type Principal, passwordOf, principalsOf } from "../principals.ts";

/**
 * The broker's settings on a secure stack: clients log in over TLS, the broker to its controller with its certificate,
 * and whatever no ACL allows is denied. SASL/PLAIN, since the passwords are on this machine anyway and are not to depend
 * on the data (docs/decisions/0016-secure.md).
 */
export function secureProperties(instance: Instance): string {
  const { pem, ca } = certificateOf(instance, "kafka");
  const password = (principal: Principal) => passwordOf(instance, principal, "kafka");
  const users = principalsOf("kafka").map((name) => `user_${name}="${password(name)}"`);
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="${password("broker")}"`;
  return `
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=${login} ${users.join(" ")};
ssl.keystore.type=PEM
ssl.keystore.location=${pem}
ssl.truststore.type=PEM
ssl.truststore.location=${ca}
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:broker;User:CN=kafka
`;
}

/** The settings of a Java client's connection to the broker. */
export const clientProperties = (instance: Instance, principal: Principal): Record<string, string> => ({
  "security.protocol": "SASL_SSL",
  "sasl.mechanism": "PLAIN",
  "sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required username="${principal}" password="${passwordOf(instance, principal, "kafka")}";`,
  "ssl.truststore.type": "PEM",
  "ssl.truststore.location": authorityOf(instance),
});

/** The option that names a file with a principal's login, for Kafka's command-line tools; none on a plain stack. */
export async function loginOptions(instance: Instance, principal: Principal): Promise<string[]> {
  if (!instance.isSecure) return [];
  const file = join(instance.folder, "run", `kafka-${principal}.properties`);
  const lines = Object.entries(clientProperties(instance, principal)).map(([key, value]) => `${key}=${value}\n`);
  await Bun.write(file, lines.join(""));
  return ["--command-config", file];
}

/** Creates the topics and what each principal may do with them; resolves once the broker enforces it. */
export async function grantKafka(admin: Admin, config: Config): Promise<void> {
  await createTopics(admin, config);
  const wanted = aclsOf(config);
  await admin.createAcls({ acl: wanted });
  await until("Kafka has the ACLs", async () => {
    const { resources } = await admin.describeAcls(everyAcl);
    const existing = new Set(
      resources.flatMap(({ acls, ...resource }) => acls.map((acl) => keyOf({ ...resource, ...acl }))),
    );
    return wanted.every((acl) => existing.has(keyOf(acl)));
  });
}

const keyOf = ({ resourceType, resourceName, principal, operation }: Omit<AclEntry, "resourcePatternType">) =>
  `${resourceType} ${resourceName} ${principal} ${operation}`;

const everyAcl = {
  resourceType: AclResourceTypes.ANY,
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
};

const { ALL, READ, WRITE, CREATE, DELETE, DESCRIBE, DESCRIBE_CONFIGS } = AclOperationTypes;

/** What each principal may do, and nothing else. */
export function aclsOf(config: Pick<Config, "kafka" | "consumer" | "cdc">): AclEntry[] {
  const { topic, editTopic, changeTopic, deadLetterTopic } = config.kafka;
  const { groupId } = config.consumer;
  const forgottenTopic = forgottenTopicOf(topic);
  const own = wantedTopics(config).map((wanted) => wanted.topic);
  const read = [topic, editTopic, changeTopic, forgottenTopic];
  // With DESCRIBE a program sees that a topic is there; it is also part of READ and WRITE.
  return [
    ...acls("tasks", topics(own), DESCRIBE),
    ...acls("tasks", topics([topic]), WRITE),

    ...acls("consumer", topics(own), DESCRIBE),
    ...acls("consumer", topics(read), READ),
    ...acls("consumer", topics([deadLetterTopic]), WRITE),
    ...acls("consumer", groups([groupId]), READ),

    ...acls("api", topics(own), DESCRIBE),
    ...acls("api", topics([editTopic, forgottenTopic]), WRITE),
    ...acls("api", topics([forgottenTopic]), READ), // hashes of ids, of whom it is to add no more

    ...acls("spark", topics(own), DESCRIBE),
    ...acls("spark", topics(read), READ),
    ...acls("spark", topics([deadLetterTopic]), WRITE),
    ...acls("spark", prefixed(AclResourceTypes.GROUP, ["spark-kafka-"]), READ),

    ...(["operate", "console"] as const).flatMap((operator) => [
      ...acls(operator, topics(own), ALL),
      ...acls(operator, topics(["__consumer_offsets"]), READ),
      ...acls(operator, cluster, DESCRIBE, DESCRIBE_CONFIGS), // `forget` asks how long the broker keeps deleted files
      ...acls(operator, groups([groupId]), READ, DELETE),
      // The groups with which a command reads topics, and its transactions.
      ...acls(operator, prefixed(AclResourceTypes.GROUP, [...own, "__consumer_offsets"].map(dotted)), READ, DELETE),
      ...acls(operator, prefixed(AclResourceTypes.TRANSACTIONAL_ID, own), WRITE),
    ]),

    // Kafka Connect keeps its state in three topics; Debezium's beside the change topic are for its own upkeep.
    ...acls("connect", prefixed(AclResourceTypes.TOPIC, ["connect-"]), READ, WRITE, CREATE, DESCRIBE_CONFIGS),
    ...acls("connect", topics([changeTopic]), WRITE, CREATE),
    ...captureAcls(topicPrefix),
    ...acls("connect", groups(["connect"]), READ),
    ...acls("connect", prefixed(AclResourceTypes.TRANSACTIONAL_ID, ["connect-"]), WRITE, DESCRIBE),
    ...acls("connect", cluster, DESCRIBE),
  ];
}

/** What Kafka Connect may do with the topics of a Debezium connector. */
export const captureAcls = (prefix: string) =>
  acls("connect", prefixed(AclResourceTypes.TOPIC, [`${prefix}.`, `__debezium-heartbeat.${prefix}`]), WRITE, CREATE);

const dotted = (topic: string) => `${topic}.`;

type Resource = Pick<AclEntry, "resourceType" | "resourceName" | "resourcePatternType">;

const literal = (resourceType: AclResourceTypes, resourceName: string): Resource => ({
  resourceType,
  resourceName,
  resourcePatternType: ResourcePatternTypes.LITERAL,
});
const prefixed = (resourceType: AclResourceTypes, prefixes: string[]): Resource[] =>
  prefixes.map((resourceName) => ({
    resourceType,
    resourceName,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
  }));
const topics = (names: string[]) => names.map((name) => literal(AclResourceTypes.TOPIC, name));
const groups = (names: string[]) => names.map((name) => literal(AclResourceTypes.GROUP, name));
const cluster = [literal(AclResourceTypes.CLUSTER, "kafka-cluster")];

const acls = (principal: Principal, resources: Resource[], ...operations: AclOperationTypes[]): AclEntry[] =>
  resources.flatMap((resource) =>
    operations.map((operation) => ({
      ...resource,
      principal: `User:${principal}`,
      host: "*",
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    })),
  );

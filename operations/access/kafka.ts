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
import type { Principal } from "./principals.ts";

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

/** What a registry that keeps its schemas in Kafka, as in containers, may do: its own topic, and its group for an election. */
export const registryAcls = (): AclEntry[] => [
  ...acls("schema-registry", prefixed(AclResourceTypes.TOPIC, ["_schemas"]), READ, WRITE, CREATE, DESCRIBE_CONFIGS),
  ...acls("schema-registry", prefixed(AclResourceTypes.GROUP, ["schema-registry"]), READ),
  ...acls("schema-registry", cluster, DESCRIBE),
];

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

const acls = (
  principal: Principal | "schema-registry",
  resources: Resource[],
  ...operations: AclOperationTypes[]
): AclEntry[] =>
  resources.flatMap((resource) =>
    operations.map((operation) => ({
      ...resource,
      principal: `User:${principal}`,
      host: "*",
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    })),
  );

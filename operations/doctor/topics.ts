import { type Admin, ConfigResourceTypes, type PartitionMetadata } from "kafkajs";
import { wantedTopics } from "../../runtime/kafka/topics.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const topicsCheck: Check = { what: "topics", of: ["Kafka"], look: lookAtTopics };

/** Whether the topics exist, as the settings have them, keep every record, and have all of their replicas. */
async function lookAtTopics(clients: Clients): Promise<Finding[]> {
  const admin = await clients.admin();
  const wanted = await Promise.all(
    wantedTopics(clients.config).map(async (topic) => ({
      ...topic,
      partitions: await partitionsOf(admin, topic.topic),
    })),
  );
  const missing = wanted.filter(({ partitions }) => partitions === "missing").map(({ topic }) => topic);
  const leaderless = wanted.filter(({ partitions }) => partitions === "leaderless").map(({ topic }) => topic);
  const layouts = wanted.flatMap((topic) => (Array.isArray(topic.partitions) ? [topic as Layout] : []));
  const retention = await lookAtRetention(admin, layouts, clients).catch((error) => {
    if (hasType(error, "LEADER_NOT_AVAILABLE")) return []; // kafkajs asks about every topic first
    throw error;
  });
  return [
    ...(missing.length > 0 ? [missingTopics(missing, clients)] : []),
    ...replicaFindings(layouts, leaderless),
    ...retention,
    ...layouts.flatMap((layout) => unlikeSettings(layout)),
  ];
}

const missingTopics = (topics: string[], { cures }: Clients): Finding => ({
  severity: "error",
  about: `topic ${topics.join(", ")}`,
  cause: "does not exist",
  cure: `Restart the consumer, which creates its topics: ${cures.restart("consumer")}`,
});

type Wanted = ReturnType<typeof wantedTopics>[number];

/** A topic as the settings ask for it, and as it is. */
type Layout = Wanted & { partitions: PartitionMetadata[] };

/**
 * The partitions of a topic. kafkajs says nothing about any topic it asks for if a partition of one of them has no
 * leader, so each is asked for alone.
 */
export async function partitionsOf(
  admin: Admin,
  topic: string,
): Promise<PartitionMetadata[] | "missing" | "leaderless"> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions ?? "missing";
  } catch (error) {
    if (hasType(error, "UNKNOWN_TOPIC_OR_PARTITION")) return "missing";
    if (hasType(error, "LEADER_NOT_AVAILABLE")) return "leaderless";
    throw error;
  }
}

/** Whether an error of kafkajs, or what it comes from, is this one of Kafka's. */
function hasType(error: unknown, type: string): boolean {
  const { type: own, cause } = error as { type?: unknown; cause?: unknown };
  return own === type || (cause instanceof Error && hasType(cause, type));
}

function unlikeSettings({ topic, numPartitions, replicationFactor, partitions }: Layout): Finding[] {
  const about = `topic ${topic}`;
  const findings: Finding[] = [];
  const count = partitions.length;
  if (count !== numPartitions)
    findings.push({
      severity: "warning",
      about,
      cause: `has ${count} ${count === 1 ? "partition" : "partitions"}, and the settings say ${numPartitions}`,
      cure:
        numPartitions === 1
          ? "Its order needs one partition: create the topic again, and have its producer write it from the beginning"
          : `Set kafka.partitions (KAFKA_PARTITIONS) to ${count}, since partitions cannot be removed and added ones move keys`,
    });
  const replicas = Math.min(...partitions.map(({ replicas }) => replicas.length));
  if (replicas !== replicationFactor)
    findings.push({
      severity: "warning",
      about,
      cause: `has ${replicas} ${replicas === 1 ? "replica" : "replicas"} of a partition, and the settings say ${replicationFactor}`,
      cure: `Set kafka.replicationFactor (KAFKA_REPLICATION_FACTOR) to ${replicas}, or reassign its partitions with kafka-reassign-partitions`,
    });
  return findings;
}

/** A broker that is down is one finding, whatever it has replicas of. */
function replicaFindings(layouts: Layout[], leaderless: string[]): Finding[] {
  const partitions = layouts.flatMap(({ topic, partitions }) => partitions.map((each) => ({ topic, ...each })));
  const behind = partitions.filter(({ isr, replicas }) => isr.length < replicas.length);
  const brokers = new Set(behind.flatMap(({ isr, replicas }) => replicas.filter((replica) => !isr.includes(replica))));
  const named = `broker ${[...brokers].sort((a, b) => a - b).join(", ")}`;
  if (leaderless.length > 0)
    return [
      {
        severity: "error",
        about: "Kafka",
        cause: `partitions of ${leaderless.join(", ")} have no leader: every broker with a replica of them is down`,
        cure: `Start ${brokers.size > 0 ? named : "the brokers that are down"}; until then their records can be neither written nor read`,
        explains: ["Kafka"],
      },
    ];
  if (behind.length === 0) return [];
  const topics = [...new Set(behind.map(({ topic }) => topic))].join(", ");
  return [
    {
      severity: "warning",
      about: "Kafka",
      cause: `${named} is down or too slow: ${behind.length} partitions of ${topics} lack a replica`,
      cure: `Start ${named}, or read its log; one more failure can lose records`,
    },
  ];
}

const kept = { "retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete" };
const compacted = { "cleanup.policy": "compact" };

/** The topics are the log from which the table is rebuilt: each keeps every record, or the last one of each key. */
async function lookAtRetention(admin: Admin, topics: Wanted[], { cures }: Clients): Promise<Finding[]> {
  if (topics.length === 0) return [];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map(({ topic: name }) => ({
      type: ConfigResourceTypes.TOPIC,
      name,
      configNames: Object.keys(kept),
    })),
  });
  return topics.flatMap(({ topic, configEntries }): Finding[] => {
    const compacts = configEntries.some(
      ({ name, value }) => compacted["cleanup.policy"] === value && name in compacted,
    );
    const entries = resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
    const actual = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    const wrong = Object.entries(compacts ? compacted : kept).filter(([name, value]) => actual.get(name) !== value);
    if (wrong.length === 0) return [];
    const has = wrong.map(([name]) => `${name}=${actual.get(name)}`).join(", ");
    const settings = wrong.map((pair) => pair.join("=")).join(",");
    return [
      {
        severity: "error",
        about: `topic ${topic}`,
        cause: `does not keep its records (${has}), and they are nowhere else`,
        cure: `Keep them: ${cures.configureTopic(topic, settings)}`,
      },
    ];
  });
}

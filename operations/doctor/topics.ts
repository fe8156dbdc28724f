import { type Admin, ConfigResourceTypes, type PartitionMetadata } from "kafkajs";
import { wantedTopics } from "../../runtime/kafka/topics.ts";
import { fewestReplicas, scarceTopics, topicsIn } from "../replicas.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const topicsCheck: Check = { what: "topics", of: ["Kafka"], look: lookAtTopics };

/** Whether the topics exist, as the settings have them, keep every record, and have all of their replicas. */
async function lookAtTopics(clients: Clients): Promise<Finding[]> {
  const admin = await clients.admin();
  const existing = await topicsIn(admin);
  const wanted = wantedTopics(clients.config);
  const missing = wanted.filter(({ topic }) => !existing.has(topic)).map(({ topic }) => topic);
  const layouts = wanted.flatMap((topic): Layout[] => {
    const partitions = existing.get(topic.topic);
    return partitions ? [{ ...topic, partitions }] : [];
  });
  return [
    ...(missing.length > 0 ? [missingTopics(missing, clients)] : []),
    ...replicaFindings(layouts),
    ...(await lookAtRetention(admin, layouts, clients)),
    ...layouts.flatMap(unlikeSettings),
    ...scarceReplicas(existing, clients),
  ];
}

const missingTopics = (topics: string[], { cures }: Clients): Finding => ({
  severity: "error",
  about: `topic ${topics.join(", ")}`,
  cause: "does not exist",
  cure: `${cures.restart("consumer")}, which creates its topics`,
});

type Wanted = ReturnType<typeof wantedTopics>[number];

/** A topic as the settings ask for it, and as it is. */
type Layout = Wanted & { partitions: PartitionMetadata[] };

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
  const replicas = fewestReplicas(partitions);
  if (replicas > replicationFactor)
    findings.push({
      severity: "warning",
      about,
      cause: `has ${replicas} replicas of a partition, and the settings say ${replicationFactor}`,
      cure: `Set kafka.replicationFactor (KAFKA_REPLICATION_FACTOR) to ${replicas}`,
    });
  return findings;
}

/** Topics with fewer replicas than the settings say, ours and those of Kafka and Kafka Connect that ours need. */
function scarceReplicas(existing: Map<string, PartitionMetadata[]>, { config, cures }: Clients): Finding[] {
  const { replicationFactor } = config.kafka;
  const scarce = scarceTopics(existing, config);
  if (scarce.length === 0) return [];
  const shown = scarce.map(({ topic, replicas }) => `${topic} (${replicas})`).join(", ");
  return [
    {
      severity: "warning",
      about: "Kafka",
      cause: `fewer replicas than the ${replicationFactor} of the settings: ${shown}`,
      cure: `Add them: ${cures.operate("migrate --replicas")}; or set kafka.replicationFactor (KAFKA_REPLICATION_FACTOR) lower`,
    },
  ];
}

/** A broker that is down is one finding, whatever it has replicas of. */
function replicaFindings(layouts: Layout[]): Finding[] {
  const partitions = layouts.flatMap(({ topic, partitions }) => partitions.map((each) => ({ topic, ...each })));
  const leaderless = [...new Set(partitions.filter(({ leader }) => leader < 0).map(({ topic }) => topic))];
  const behind = partitions.filter(({ isr, replicas }) => isr.length < replicas.length);
  const lacking = behind.flatMap(({ isr, replicas }) => replicas.filter((replica) => !isr.includes(replica)));
  const brokers = new Set([...lacking, ...partitions.flatMap(({ offlineReplicas }) => offlineReplicas ?? [])]);
  const named = `broker ${[...brokers].sort((a, b) => a - b).join(", ")}`;
  if (leaderless.length > 0)
    return [
      {
        severity: "error",
        about: "Kafka",
        cause: `partitions of ${leaderless.join(", ")} have no leader: every broker with a replica of them is down`,
        cure: `Start ${named}; until then their records can be neither written nor read`,
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

import { once } from "node:events";
import net from "node:net";
import { type Admin, ConfigResourceTypes, type PartitionMetadata } from "kafkajs";
import { wantedTopics } from "../../runtime/kafka.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Clients } from "./clients.ts";
import type { Check, Finding } from "./finding.ts";

export const brokersCheck: Check = { what: "the brokers", of: ["Kafka"], look: lookAtBrokers };
export const topicsCheck: Check = { what: "topics", of: ["Kafka"], look: lookAtTopics };

/** How long a broker may take to accept a connection, in milliseconds. */
const connectWithinMs = 2_000;

/** Whether the bootstrap brokers answer, and whether the addresses that they advertise can be reached from here. */
async function lookAtBrokers({ admin, cures, config: { kafka } }: Clients): Promise<Finding[]> {
  const bootstrap = kafka.brokers.join(", ");
  const finding = (cause: string, cure: string): Finding => ({
    severity: "error",
    about: "Kafka",
    cause,
    cure,
    explains: ["Kafka"],
  });
  const unreachable = (address: string, why: string) =>
    finding(
      `${bootstrap} advertises ${address}, which cannot be reached from here: ${why}`,
      "Set KAFKA_BROKERS to the listener meant for this machine, or the broker's advertised.listeners to an address it can reach",
    );
  try {
    const { brokers } = await (await admin()).describeCluster();
    const failures = await Promise.all(brokers.map(({ host, port }) => connectionFailure(host, port)));
    return brokers.flatMap(({ host, port }, index) => {
      const why = failures[index];
      return why === undefined ? [] : [unreachable(`${host}:${port}`, why)];
    });
  } catch (error) {
    const { broker, message } = connectionErrorIn(error);
    if (broker !== undefined && !kafka.brokers.includes(broker)) return [unreachable(broker, message)];
    return [
      finding(
        `does not work at ${bootstrap}: ${message}`,
        `Start it: ${cures.start("kafka")}; ${cures.log("kafka")} says more`,
      ),
    ];
  }
}

/** The address that could not be reached, if that is what an error of kafkajs comes from. */
function connectionErrorIn(error: unknown): { broker?: string; message: string } {
  const { broker, cause } = error as { broker?: unknown; cause?: unknown };
  if (typeof broker !== "string" && cause instanceof Error) return connectionErrorIn(cause);
  const message = messageOf(error).replace(/^Connection error: /, "");
  return typeof broker === "string" ? { broker, message } : { message };
}

/** Why a connection to an address fails, or undefined. */
async function connectionFailure(host: string, port: number): Promise<string | undefined> {
  const socket = net.connect({ host, port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(connectWithinMs) });
    return undefined;
  } catch (error) {
    return (error as Error).name === "AbortError"
      ? `no connection within ${connectWithinMs / 1_000} s`
      : messageOf(error);
  } finally {
    socket.destroy();
  }
}

/** Whether the topics exist, as the settings have them, keep every record, and have all of their replicas. */
async function lookAtTopics(clients: Clients): Promise<Finding[]> {
  const admin = await clients.admin();
  const existing = new Set(await admin.listTopics());
  const wanted = wantedTopics(clients.config);
  const present = wanted.filter(({ topic }) => existing.has(topic));
  const missing = wanted.map(({ topic }) => topic).filter((topic) => !existing.has(topic));
  const [layouts, retention] = await Promise.all([
    Promise.all(present.map(async (topic) => ({ ...topic, partitions: await partitionsOf(admin, topic.topic) }))),
    lookAtRetention(admin, present, clients),
  ]);
  return [
    ...(missing.length > 0 ? [missingTopics(missing, clients)] : []),
    ...replicaFindings(layouts),
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

/** A topic as the settings ask for it, and as it is; without partitions if one of them has no leader. */
type Layout = Wanted & { partitions: PartitionMetadata[] | undefined };

/** kafkajs returns no metadata at all of a topic if one of its partitions has no leader. */
async function partitionsOf(admin: Admin, topic: string): Promise<PartitionMetadata[] | undefined> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions ?? [];
  } catch (error) {
    const type = (error as { type?: unknown }).type ?? (error as { cause?: { type?: unknown } }).cause?.type;
    if (type === "LEADER_NOT_AVAILABLE") return undefined;
    throw error;
  }
}

function unlikeSettings({ topic, numPartitions, replicationFactor, partitions }: Layout): Finding[] {
  if (partitions === undefined) return [];
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
function replicaFindings(layouts: Layout[]): Finding[] {
  const partitions = layouts.flatMap(({ topic, partitions = [] }) => partitions.map((each) => ({ topic, ...each })));
  const behind = partitions.filter(({ isr, replicas }) => isr.length < replicas.length);
  const brokers = new Set(behind.flatMap(({ isr, replicas }) => replicas.filter((replica) => !isr.includes(replica))));
  const named = `broker ${[...brokers].sort((a, b) => a - b).join(", ")}`;
  const leaderless = layouts.filter(({ partitions }) => partitions === undefined).map(({ topic }) => topic);
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

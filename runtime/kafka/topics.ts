import type { Admin, ITopicConfig, Kafka } from "kafkajs";
import { forgottenTopicOf, settledTopicOf } from "../../contract/entity.ts";
import { accessErrorIn } from "../access-error.ts";
import type { Config } from "../config.ts";
import { openKafka } from "../kafka.ts";
import type { Log } from "../log.ts";
import { MissingSchema, type MissingThing } from "../missing.ts";
import { retry } from "../retry.ts";
import { until } from "../until.ts";

type Topics = Pick<Config, "kafka" | "cdc" | "manageSchema">;

/**
 * Waits indefinitely until Kafka responds and has the topics, creating those that are missing unless `manageSchema` is
 * false. While only somebody else can create them, `onMissing` is told which.
 * @throws AccessError where waiting does not help
 */
export async function prepareKafka(
  config: Topics,
  clientId: string,
  log: Log,
  stop: AbortSignal,
  onMissing: (why: string) => void = () => {},
) {
  const { brokers, topic, deadLetterTopic } = config.kafka;
  await retry(() => createTopicsOnce(openKafka(config, clientId, log, 0), config), {
    what: `connect to Kafka at ${brokers.join(", ")}`,
    while: (error) => accessErrorIn(error) === undefined,
    between: (error) => {
      if (error instanceof MissingSchema) onMissing(error.message);
    },
    stop,
    log,
  });
  log.info("Kafka is ready", { topic, deadLetterTopic });
}

/** Creates the missing topics, without retrying. */
export async function createTopicsOnce(kafka: Kafka, config: Topics) {
  const admin = kafka.admin();
  try {
    await admin.connect();
    await createTopics(admin, config);
  } finally {
    await admin.disconnect();
  }
}

const topicsReadyWithinMs = 15_000;
const unlimitedRetention = { name: "retention.ms", value: "-1" };
const maxMessageMiB = (mebibytes: number) => ({ name: "max.message.bytes", value: String(mebibytes * 1024 ** 2) });

/**
 * The topics that the settings ask for: that of users, that of edits, the dead-letter topic, those that say which dead
 * letters are settled and who was forgotten and, if changes are applied, the change topic. All have unlimited retention: three of them can
 * rebuild the table, and dead letters are stored nowhere else. The topics of users and of edits have equally many
 * partitions, so a user is in the same one of both. The change topic has one partition, which keeps PostgreSQL's own
 * order. A dead letter adds headers to an original that may be as large as its topic allows, so the dead-letter topic has
 * the highest size limit.
 */
export function wantedTopics({ kafka, cdc }: Pick<Config, "kafka" | "cdc">): WantedTopic[] {
  const { topic, deadLetterTopic, changeTopic, editTopic, partitions, replicationFactor } = kafka;
  const one = { numPartitions: 1, replicationFactor };
  return [
    ...[topic, editTopic].map((topic) => ({
      topic,
      numPartitions: partitions,
      replicationFactor,
      configEntries: [unlimitedRetention],
    })),
    { topic: deadLetterTopic, ...one, configEntries: [unlimitedRetention, maxMessageMiB(17)] },
    ...[settledTopicOf(deadLetterTopic), forgottenTopicOf(topic)].map((topic) => ({
      topic,
      ...one,
      configEntries: [{ name: "cleanup.policy", value: "compact" }],
    })),
    ...(cdc.apply ? [{ topic: changeTopic, ...one, configEntries: [unlimitedRetention, maxMessageMiB(16)] }] : []),
  ];
}

type WantedTopic = Required<Pick<ITopicConfig, "topic" | "numPartitions" | "replicationFactor" | "configEntries">>;

/**
 * Creates those of the wanted topics that are missing.
 * @throws MissingSchema if `manageSchema` is false
 */
export async function createTopics(admin: Admin, config: Topics): Promise<void> {
  const wanted = wantedTopics(config);
  const missing = async () => {
    const existing = new Set(await admin.listTopics());
    return wanted.filter((each) => !existing.has(each.topic));
  };
  const topics = await missing();
  if (topics.length === 0) return;
  if (!config.manageSchema) throw new MissingSchema(topics.map((each) => topicToCreate(each, config)));
  await admin.createTopics({ topics, waitForLeaders: false });
  // Brokers learn of a new topic with a delay, which kafkajs would report as a failure if it waited for leaders. A
  // leader that is not ready yet refuses records, and kafkajs then also sends again what the other leaders have taken.
  const ready = async () => {
    if ((await missing()).length > 0) return false;
    for (const created of topics) await admin.fetchTopicOffsets(created.topic); // only a leader answers
    return true;
  };
  await until(`Kafka leads the topics that it created: ${config.kafka.topic}, …`, ready, {
    withinMs: topicsReadyWithinMs,
    everyMs: 50,
  });
}

/** A topic with the command that creates it. */
export function topicToCreate(
  { topic, numPartitions, replicationFactor, configEntries }: WantedTopic,
  { kafka }: Pick<Config, "kafka">,
): MissingThing {
  const settings = configEntries.map(({ name, value }) => ` --config ${name}=${value}`).join("");
  return {
    what: `topic ${topic}`,
    statement:
      `kafka-topics.sh --bootstrap-server ${kafka.brokers[0]} --create --if-not-exists --topic ${topic} ` +
      `--partitions ${numPartitions} --replication-factor ${replicationFactor}${settings}`,
  };
}

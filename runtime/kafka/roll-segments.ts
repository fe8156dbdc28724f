import { setTimeout as wait } from "node:timers/promises";
import { type Admin, ConfigResourceTypes, ConfigSource, type Kafka } from "kafkajs";
import { until } from "../until.ts";
import { type Cluster, clusterOf, offsetsAt, readUncommitted, timestamps } from "./cluster.ts";

const setting = "segment.ms";
/** The age at which a segment ends while segments are rolled; nothing else sets it, so a leftover one is recognised. */
const atOnce = "1";
/** A broker applies a setting of a topic a moment after it shows it. */
const appliedAfterMs = 250;
const transactionCoordinator = 1;
const withinMs = 20_000;

/** The settings of a topic that are its own, without one that an interrupted `rollSegments` has left. */
async function settingsOf(admin: Admin, topic: string) {
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic }];
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false });
  const own = (described[0]?.configEntries ?? []).filter(
    ({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG,
  );
  const isRolling = own.some(({ configName, configValue }) => configName === setting && configValue === atOnce);
  const settings = own.map(({ configName, configValue }) => ({ name: configName, value: configValue }));
  return { isRolling, settings: settings.filter(({ name, value }) => name !== setting || value !== atOnce) };
}

type Settings = Awaited<ReturnType<typeof settingsOf>>["settings"];

/** Kafka replaces all settings of a topic at once. */
const setSettings = (admin: Admin, topic: string, configEntries: Settings) =>
  admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });

/**
 * Ends the segment that each partition of a topic writes to, and returns the offset before which everything is in such ended
 * segments; one record or marker may be. Kafka ends a segment only when something is appended, so an aborted
 * transaction without records is: no reader sees its marker.
 */
export async function rollSegments(kafka: Kafka, admin: Admin, topic: string, partitions: readonly number[]) {
  const { settings } = await settingsOf(admin, topic);
  const cluster = clusterOf(kafka);
  await cluster.connect();
  try {
    await setSettings(admin, topic, [
      ...settings.filter(({ name }) => name !== setting),
      { name: setting, value: atOnce },
    ]);
    const isSet = async () => (await settingsOf(admin, topic)).isRolling;
    await until(`${topic} has ${setting}=${atOnce}`, isSet, { withinMs, everyMs: 50 });
    await appendMarker(cluster, topic, partitions);
    await wait(appliedAfterMs);
    return await appendMarker(cluster, topic, partitions);
  } finally {
    await setSettings(admin, topic, settings);
    await cluster.disconnect();
  }
}

/** Removes the setting that an interrupted `rollSegments` has left. */
export async function endRolling(admin: Admin, topic: string): Promise<void> {
  const { isRolling, settings } = await settingsOf(admin, topic);
  if (isRolling) await setSettings(admin, topic, settings);
}

/** Appends a marker to each partition; returns their ends before it. */
async function appendMarker(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, bigint>> {
  const transactionalId = `${topic}.roll`;
  const before = await endsOf(cluster, topic, partitions);
  const attempt = async () => {
    const coordinator = await cluster.findGroupCoordinator({
      groupId: transactionalId,
      coordinatorType: transactionCoordinator,
    });
    const { producerId, producerEpoch } = await coordinator.initProducerId({
      transactionalId,
      transactionTimeout: 10_000,
    });
    const transaction = { transactionalId, producerId, producerEpoch };
    await coordinator.addPartitionsToTxn({ ...transaction, topics: [{ topic, partitions }] });
    await coordinator.endTxn({ ...transaction, transactionResult: false });
    return true;
  };
  // Kafka refuses a transaction while it still ends the one before.
  await until(`a marker can be appended to ${topic}`, attempt, { withinMs, everyMs: 100 });
  const isAppended = async () => {
    const now = await endsOf(cluster, topic, partitions);
    return partitions.every((partition) => now.get(partition)! > before.get(partition)!);
  };
  await until(`a marker is appended to ${topic}`, isAppended, { withinMs, everyMs: 50 });
  return before;
}

/** The ends of partitions, records of open transactions included. */
async function endsOf(cluster: Cluster, topic: string, partitions: readonly number[]): Promise<Map<number, bigint>> {
  const found = await offsetsAt(cluster, [topic], { isolationLevel: readUncommitted, timestamp: timestamps.end });
  const ends = new Map<number, bigint>();
  for (const partition of partitions) {
    const end = found.get(topic)?.get(partition);
    if (end === undefined)
      throw new Error(`Kafka has no topic ${topic} with partition ${partition}, or no leader of it`);
    ends.set(partition, end);
  }
  return ends;
}

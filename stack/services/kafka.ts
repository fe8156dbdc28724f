import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { Admin } from "kafkajs";
import { grantKafka } from "../../operations/access/kafka.ts";
import type { Config } from "../../runtime/config.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { everyNode, nodeName, nodesOf } from "../addresses.ts";
import { ownConfig } from "../environment.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { classPathOf, exitWhenOutOfMemory, logging, quietAboutInternals, sharedClasses, smallHeap } from "./java.ts";
import { secureProperties } from "./kafka-access.ts";
import { checkRelease, noteRelease, upgradeFormat } from "./kafka-release.ts";
import { run } from "./run-tool.ts";
import type { Service } from "./service.ts";

/** A single broker in KRaft mode that is also the controller, or three in a cluster. */
export const kafka: Service = {
  name: "kafka",
  title: "Kafka",
  dependsOn: [],
  ports: ["kafka", "kafkaController"],
  hosts: nodesOf,
  startsTogether: true, // a controller alone is no majority
  address: (instance) => everyNode(instance, instance.config.ports.kafka).join(", "),

  async prepare(instance, stop) {
    const nodes = nodesOf(instance).map((host, index) => ({ host, ...filesOf(instance, index) }));
    for (const [index, { host, settings }] of nodes.entries())
      await Bun.write(settings, properties(instance, host, index));
    checkRelease(instance);
    const [formatted] = nodes.filter(({ meta }) => existsSync(meta));
    const clusterId = formatted ? clusterIdIn(formatted.meta) : newClusterId();
    const tool = [...java(instance, smallHeap("64m", "256m")), "kafka.tools.StorageTool"];
    for (const { meta, name, settings } of nodes)
      if (!existsSync(meta))
        // The id may begin with a dash, so it is part of its option.
        await run(instance, name, [...tool, "format", `--cluster-id=${clusterId}`, "-c", settings], { stop });
    if (!formatted) noteRelease(instance);
  },

  programs: (instance) =>
    nodesOf(instance).map((host, index) => {
      const { name, folder, settings } = filesOf(instance, index);
      const heap = instance.isCluster ? smallHeap("128m", "320m") : smallHeap("256m", "512m");
      return {
        name,
        argv: [
          ...java(instance, [...heap, exitWhenOutOfMemory, ...sharedClasses(instance, "kafka")]),
          ...["kafka.Kafka", settings],
        ],
        cwd: folder,
        address: `${host}:${instance.config.ports.kafka}`,
        // Of a cluster that stops, the last broker waits for a majority that is gone. What it has is on the others, too.
        stopWithinSeconds: instance.isCluster ? 10 : 30,
        async ready() {
          await describesItself(instance, host, index);
          if (index === 0) await upgradeFormat(instance); // of the whole cluster
        },
        ...(instance.isSecure && { provide: grantAll }),
      };
    }),
};

function filesOf(instance: Instance, index: number) {
  const name = nodeName(instance, "kafka", index);
  const folder = dataFolder(instance, name);
  const log = join(folder, "log");
  return { name, folder, log, settings: join(folder, "kraft.properties"), meta: join(log, "meta.properties") };
}

const newClusterId = () => Buffer.from(crypto.randomUUID().replaceAll("-", ""), "hex").toString("base64url");

/** All brokers of a cluster have the same. */
function clusterIdIn(meta: string): string {
  const [, id] = /^cluster\.id=(.+)$/m.exec(readFileSync(meta, "utf8")) ?? [];
  if (id === undefined) throw new Error(`${meta} does not name the cluster`);
  return id;
}

const java = (instance: Instance, flags: string[]) => [
  instance.installed.java,
  ...flags,
  ...logging({ "org.apache.kafka.common.config": "warn" }), // otherwise it logs all settings several times per start
  ...quietAboutInternals,
  ...["-cp", classPathOf(instance, "kafka")],
];

const properties = (instance: Instance, host: string, index: number) => {
  const { kafka, kafkaController } = instance.config.ports;
  const voters = everyNode(instance, kafkaController).map((address, voter) => `${voter + 1}@${address}`);
  const listener = instance.isSecure ? "SASL_SSL" : "PLAINTEXT";
  return `# Written by stack/services/kafka.ts at every start.
process.roles=broker,controller
node.id=${index + 1}
controller.quorum.voters=${voters.join(",")}
listeners=${listener}://${host}:${kafka},CONTROLLER://${host}:${kafkaController}
advertised.listeners=${listener}://${host}:${kafka}
controller.listener.names=CONTROLLER
inter.broker.listener.name=${listener}
log.dirs=${filesOf(instance, index).log}

${replication(instance)}
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=4

# Kafka's own topics are compacted, or removed, by segment: with the default sizes they keep gigabytes.
offsets.topic.segment.bytes=16777216
transaction.state.log.segment.bytes=16777216
metadata.log.segment.bytes=16777216
metadata.max.retention.bytes=33554432

# A controller at rest writes to its log every 5 s, not twice a second.
metadata.max.idle.interval.ms=5000

# Deleted records leave the disk within 15 s instead of 6 minutes.
log.retention.check.interval.ms=10000
log.segment.delete.delay.ms=5000

# A misspelt topic is an error, not a new topic. The first consumer of a group does not wait for others.
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
${instance.isSecure ? secureProperties(instance) : ""}`;
};

const replication = ({ isCluster }: Instance) =>
  isCluster
    ? `# Three replicas of every partition, of which two have a record before it is acknowledged.
default.replication.factor=3
min.insync.replicas=2
unclean.leader.election.enable=false
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2

# A broker that has died is no longer a leader after 3 s, not 9.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500`
    : `# A single broker has the only replica of every partition.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# A broker whose process was frozen for this long loses its partitions until it is heard again, and a transaction that
# is committed in that moment stays open for good (KAFKA-20734). After a crash it also waits this long before it starts.
broker.session.timeout.ms=18000`;

/** Asks one broker, whatever the others do. */
const describesItself = (instance: Instance, host: string, index: number) => {
  const config = ownConfig(instance);
  const own = { ...config, kafka: { ...config.kafka, brokers: [`${host}:${config.ports.kafka}`] } };
  return withAdmin(own, async (admin) => {
    const { brokers } = await admin.describeCluster();
    if (!brokers.some(({ nodeId }) => nodeId === index + 1)) throw new Error("it has not registered with Kafka yet");
  });
};

const grantAll = (instance: Instance) => withAdmin(ownConfig(instance), grantKafka);

async function withAdmin(config: Config, use: (admin: Admin, config: Config) => Promise<void>) {
  const admin = openKafka(config, "stack", getLogger("stack")).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    await use(admin, config);
  } finally {
    await admin.disconnect();
  }
}

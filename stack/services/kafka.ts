import { existsSync } from "node:fs";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { Admin } from "kafkajs";
import type { Config } from "../../runtime/config.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { local } from "../addresses.ts";
import { ownConfig } from "../environment.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { classPathOf, exitWhenOutOfMemory, logging, quietAboutInternals, smallHeap } from "./java.ts";
import { grantKafka, secureProperties } from "./kafka-access.ts";
import { checkRelease, noteRelease, upgradeFormat } from "./kafka-release.ts";
import { run } from "./run-tool.ts";
import type { Service } from "./service.ts";

/** A single broker in KRaft mode that is also the controller. */
export const kafka: Service = {
  name: "kafka",
  title: "Kafka",
  dependsOn: [],
  ports: ["kafka", "kafkaController"],
  address: ({ config }) => local(config.ports.kafka),

  async prepare(instance, stop) {
    const file = join(dataFolder(instance, "kafka"), "kraft.properties");
    await Bun.write(file, properties(instance));
    checkRelease(instance);
    if (existsSync(join(logFolder(instance), "meta.properties"))) return;
    const tool = [...java(instance, smallHeap("64m", "256m")), "kafka.tools.StorageTool"];
    // It may begin with a dash, so it is part of its option.
    const clusterId = Buffer.from(crypto.randomUUID().replaceAll("-", ""), "hex").toString("base64url");
    await run(instance, "kafka", [...tool, "format", `--cluster-id=${clusterId}`, "-c", file], { stop });
    noteRelease(instance);
  },

  programs: (instance) => [
    {
      name: "kafka",
      argv: [
        ...java(instance, [...smallHeap("256m", "512m"), exitWhenOutOfMemory]),
        "kafka.Kafka",
        join(dataFolder(instance, "kafka"), "kraft.properties"),
      ],
      cwd: dataFolder(instance, "kafka"),
      stopWithinSeconds: 30,
      async ready(instance) {
        await describesItself(instance);
        await upgradeFormat(instance);
      },
      ...(instance.isSecure && { provide: grantAll }),
    },
  ],
};

const logFolder = (instance: Instance) => join(dataFolder(instance, "kafka"), "log");

const java = (instance: Instance, flags: string[]) => [
  instance.installed.java,
  ...flags,
  ...logging({ "org.apache.kafka.common.config": "warn" }), // otherwise it logs all settings several times per start
  ...quietAboutInternals,
  ...["-cp", classPathOf(instance, "kafka")],
];

const properties = (instance: Instance) => {
  const { kafka, kafkaController } = instance.config.ports;
  const listener = instance.isSecure ? "SASL_SSL" : "PLAINTEXT";
  return `# Written by stack/services/kafka.ts at every start.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@${local(kafkaController)}
listeners=${listener}://${local(kafka)},CONTROLLER://${local(kafkaController)}
advertised.listeners=${listener}://${local(kafka)}
controller.listener.names=CONTROLLER
inter.broker.listener.name=${listener}
log.dirs=${logFolder(instance)}

# A single broker has the only replica of every partition.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Kafka's own topics are compacted, or removed, by segment: with the default sizes they keep gigabytes.
offsets.topic.segment.bytes=16777216
transaction.state.log.segment.bytes=16777216
metadata.log.segment.bytes=16777216
metadata.max.retention.bytes=33554432

# Deleted records leave the disk within 15 s instead of 6 minutes.
log.retention.check.interval.ms=10000
log.segment.delete.delay.ms=5000

# A misspelt topic is an error, not a new topic. The first consumer of a group does not wait for others.
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
${instance.isSecure ? secureProperties(instance) : ""}`;
};

const describesItself = (instance: Instance) =>
  withAdmin(instance, async (admin) => {
    const { brokers } = await admin.describeCluster();
    if (brokers.length === 0) throw new Error("no broker has registered with Kafka yet");
  });

const grantAll = (instance: Instance) => withAdmin(instance, grantKafka);

async function withAdmin(instance: Instance, use: (admin: Admin, config: Config) => Promise<void>) {
  const config = ownConfig(instance);
  const admin = openKafka(config, "stack", getLogger("stack")).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    await use(admin, config);
  } finally {
    await admin.disconnect();
  }
}

import { join } from "node:path";
import { replicationRole } from "../contract/change-capture.ts";
import { dataFolder, environmentOf, type Instance } from "./instance.ts";
import { classPathOf, endWhenOutOfMemory, smallHeap } from "./java.ts";
import type { Service } from "./service.ts";

/** Kafka Connect, one worker, with Debezium's PostgreSQL connector as its plugin. */
export const connect: Service = {
  name: "connect",
  title: "Kafka Connect",
  dependsOn: ["kafka", "postgres"],
  ports: ["connect"],
  address: (instance) => environmentOf(instance).CONNECT_URL ?? "",

  async prepare(instance) {
    await Bun.write(join(dataFolder(instance, "connect"), "worker.properties"), properties(instance));
    await Bun.write(join(dataFolder(instance, "connect"), "log4j.properties"), logging);
  },

  programs: (instance) => {
    const folder = dataFolder(instance, "connect");
    return [
      {
        name: "connect",
        argv: [
          instance.installed.java,
          ...smallHeap("128m", "512m"),
          endWhenOutOfMemory,
          `-Dlog4j.configuration=file:${join(folder, "log4j.properties")}`,
          ...["-cp", classPathOf(instance, "connect")],
          "org.apache.kafka.connect.cli.ConnectDistributed",
          join(folder, "worker.properties"),
        ],
        cwd: folder,
        env: connectorVariables(instance),
        stopWithinSeconds: 20,
        ready: isHealthy,
      },
    ];
  },
};

/** What `${env:…}` in postgres-connector.json stands for on this stack; the worker shows a connector nothing else. */
const connectorVariables = ({ config, secrets }: Instance) => ({
  CDC_POSTGRES_HOST: "127.0.0.1",
  CDC_POSTGRES_PORT: String(config.ports.postgres),
  CDC_POSTGRES_DATABASE: "users",
  CDC_POSTGRES_USER: replicationRole,
  CDC_POSTGRES_PASSWORD: secrets.postgresReplication,
});

const properties = (instance: Instance) => {
  const { kafka, connect } = instance.config.ports;
  return `# Written by stack/connect.ts at every start.
bootstrap.servers=127.0.0.1:${kafka}
group.id=connect
listeners=http://127.0.0.1:${connect}
rest.advertised.host.name=127.0.0.1
rest.advertised.port=${connect}
plugin.path=${instance.installed.bundle("debezium")}
plugin.discovery=service_load

# Each batch of change events and the position after it are one transaction: none is lost, none comes twice.
exactly.once.source.support=enabled

# A connector's configuration names variables of this process for what is secret or differs from place to place.
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.env.param.allowlist.pattern=CDC_.*

key.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false

offset.storage.topic=connect-offsets
offset.storage.partitions=1
offset.storage.replication.factor=1
config.storage.topic=connect-configs
config.storage.replication.factor=1
status.storage.topic=connect-status
status.storage.partitions=1
status.storage.replication.factor=1

# There is one worker: after a crash it need not wait for others to come back.
session.timeout.ms=6000
heartbeat.interval.ms=2000
scheduled.rebalance.max.delay.ms=0
`;
};

const logging = `log4j.rootLogger=WARN, stdout
log4j.logger.org.apache.kafka.connect.runtime.rest=INFO
log4j.logger.org.apache.kafka.connect.runtime.distributed=INFO
log4j.logger.io.debezium=INFO
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d %p %m (%c{1})%n
`;

async function isHealthy(instance: Instance) {
  const response = await fetch(`${environmentOf(instance).CONNECT_URL}/health`, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`Kafka Connect answers ${response.status}: ${await response.text()}`);
}

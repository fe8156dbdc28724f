import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openCassandra } from "../../runtime/cassandra.ts";
import { local } from "../addresses.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { classPathOf, endWhenOutOfMemory } from "./java.ts";
import type { Service } from "./service.ts";

/** One node that owns the whole ring, set up so that it starts fast and loses nothing that it acknowledged. */
export const cassandra: Service = {
  name: "cassandra",
  title: "Cassandra",
  dependsOn: [],
  ports: ["cassandra", "cassandraStorage"],
  address: ({ config }) => local(config.ports.cassandra),

  async prepare(instance) {
    const data = dataFolder(instance, "cassandra");
    mkdirSync(join(data, "tmp"), { recursive: true });
    await Bun.write(join(data, "cassandra.yaml"), yaml(instance));
    await Bun.write(join(data, "logback.xml"), logback);
  },

  programs: (instance) => {
    const data = dataFolder(instance, "cassandra");
    return [
      {
        name: "cassandra",
        argv: [
          instance.installed.java,
          ...["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=100", endWhenOutOfMemory],
          `-javaagent:${join(instance.installed.bundle("cassandra"), "jamm-0.4.0.jar")}`,
          ...moduleFlags,
          `-Djava.io.tmpdir=${join(data, "tmp")}`,
          `-Dcassandra.config=file://${join(data, "cassandra.yaml")}`,
          `-Dlogback.configurationFile=${join(data, "logback.xml")}`,
          `-Dcassandra.storagedir=${data}`,
          "-Dcassandra-foreground=yes",
          // A single node has nobody to wait for.
          "-Dcassandra.skip_wait_for_gossip_to_settle=0",
          "-Dcassandra.ring_delay_ms=0",
          "-Dcassandra.initial_token=0",
          // The clock for timeouts, which an idle node reads every 2 ms else.
          "-Dcassandra.approximate_time_precision_ms=10",
          ...["-cp", classPathOf(instance, "cassandra")],
          "org.apache.cassandra.service.CassandraDaemon",
        ],
        cwd: data,
        stopWithinSeconds: 60,
        ready: answersAQuery,
      },
    ];
  },
};

const yaml = (instance: Instance) => {
  const { cassandra, cassandraStorage } = instance.config.ports;
  const data = dataFolder(instance, "cassandra");
  const folder = (name: string) => JSON.stringify(join(data, name));
  return `# Written by stack/services/cassandra.ts at every start.
cluster_name: user-automation
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: ${cassandraStorage}
native_transport_port: ${cassandra}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "${local(cassandraStorage)}" }]

data_file_directories: [${folder("data")}]
commitlog_directory: ${folder("commitlog")}
saved_caches_directory: ${folder("saved_caches")}
hints_directory: ${folder("hints")}
cdc_raw_directory: ${folder("cdc")}
disk_optimization_strategy: ssd

# What is acknowledged is on disk within milliseconds, and a killed node loses nothing; with the default period a power
# cut could lose 10 s. Why not batch, which waits for every sync: docs/decisions/0002.
commitlog_sync: periodic
commitlog_sync_period: 10ms

# Cells off the heap are none of the collector's work: a fifth less CPU a row.
memtable_allocation_type: offheap_objects

# Batches hold rows of the one node that owns them all, so they may be larger than a cluster would like.
batch_size_warn_threshold: 64KiB
batch_size_fail_threshold: 640KiB

auto_snapshot: false
materialized_views_enabled: false
`;
};

const logback = `<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
  <logger name="org.apache.cassandra" level="INFO"/>
  <logger name="com.thinkaurelius.thrift" level="ERROR"/>
</configuration>
`;

/** What Cassandra 5 reaches into Java 17 for; the list of its own conf/jvm17-server.options. */
const moduleFlags = [
  ...[
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
  ].map((name) => `--add-exports=${name}=ALL-UNNAMED`),
  ...[
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.nio",
    "jdk.management/com.sun.management.internal",
  ].map((name) => `--add-opens=${name}=ALL-UNNAMED`),
];

async function answersAQuery({ config }: Instance) {
  const contactPoints = [local(config.ports.cassandra)];
  await answers(config.ports.cassandra); // a driver that finds nobody takes long to say so
  const client = openCassandra(
    { cassandra: { ...config.cassandra, contactPoints, localDataCenter: "datacenter1" } },
    "stack",
  );
  try {
    await client.execute("SELECT now() FROM system.local");
  } finally {
    await client.shutdown();
  }
}

async function answers(port: number) {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  socket.end();
}

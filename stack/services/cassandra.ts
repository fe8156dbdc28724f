import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openCassandra } from "../../runtime/cassandra.ts";
import { local } from "../addresses.ts";
import { ownConfig } from "../environment.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { ensureAdmin, firstRoleAtOnce, grantCassandra, secureYaml } from "./cassandra-access.ts";
import { classPathOf, exitWhenOutOfMemory } from "./java.ts";
import type { Service } from "./service.ts";

/** A single node, configured to start fast and to lose no acknowledged write. */
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
          join(instance.installed.java17Home, "bin", "java"),
          ...["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=100", exitWhenOutOfMemory],
          `-javaagent:${join(instance.installed.bundle("cassandra"), "jamm-0.4.0.jar")}`,
          ...moduleFlags,
          `-Djava.io.tmpdir=${join(data, "tmp")}`,
          `-Dcassandra.config=file://${join(data, "cassandra.yaml")}`,
          `-Dlogback.configurationFile=${join(data, "logback.xml")}`,
          `-Dcassandra.storagedir=${data}`,
          "-Dcassandra-foreground=yes",
          // A single node has no peers to wait for.
          "-Dcassandra.skip_wait_for_gossip_to_settle=0",
          "-Dcassandra.ring_delay_ms=0",
          "-Dcassandra.initial_token=0",
          firstRoleAtOnce,
          // The clock for timeouts; an idle node would otherwise update it every 2 ms.
          "-Dcassandra.approximate_time_precision_ms=10",
          ...["-cp", classPathOf(instance, "cassandra")],
          "org.apache.cassandra.service.CassandraDaemon",
        ],
        cwd: data,
        stopWithinSeconds: 60,
        ready: instance.isSecure ? takesLogins : executesQuery,
        ...(instance.isSecure && { provide: (own: Instance) => grantCassandra(own, ownConfig(own)) }),
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

# An acknowledged write is on disk within milliseconds, and a killed process loses nothing; with the default period a
# power cut could lose 10 s. docs/decisions/0002 explains why not batch, which waits for every sync.
commitlog_sync: periodic
commitlog_sync_period: 10ms

# By default up to 8 GB of the disk.
commitlog_total_space: 512MiB

# The garbage collector does not scan cells off the heap: 20 % less CPU per row.
memtable_allocation_type: offheap_objects

# All rows of a batch are on this one node, so batches may be larger than a cluster should allow.
batch_size_warn_threshold: 64KiB
batch_size_fail_threshold: 640KiB

# Files with the ids of rows that have been read.
key_cache_save_period: 0s

auto_snapshot: false
materialized_views_enabled: false
${instance.isSecure ? secureYaml(instance) : ""}`;
};

const logback = `<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{yyyy-MM-dd HH:mm:ss.SSS} %-5level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="STDOUT"/></root>
  <logger name="org.apache.cassandra" level="INFO"/>
  <logger name="com.thinkaurelius.thrift" level="ERROR"/>
</configuration>
`;

/** The Java 17 internals that Cassandra 5 uses, as listed in its conf/jvm17-server.options. */
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

async function executesQuery(instance: Instance) {
  await connectTo(instance.config.ports.cassandra); // fails at once if nothing is listening; the driver takes long
  const client = openCassandra(ownConfig(instance), "stack");
  try {
    await client.execute("SELECT now() FROM system.local");
  } finally {
    await client.shutdown();
  }
}

async function takesLogins(instance: Instance) {
  await connectTo(instance.config.ports.cassandra);
  await ensureAdmin(instance, ownConfig(instance));
}

async function connectTo(port: number) {
  const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  socket.end();
}

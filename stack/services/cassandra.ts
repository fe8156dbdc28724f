import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ensureAdmin, grantCassandra } from "../../operations/access/cassandra.ts";
import type { Principal } from "../../operations/access/principals.ts";
import { migrateCassandra } from "../../operations/migrate.ts";
import { openCassandra } from "../../runtime/cassandra.ts";
import { everyNode, nodeName, nodesOf } from "../addresses.ts";
import { ownConfig } from "../environment.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { passwordOf } from "../principals.ts";
import { firstRoleAtOnce, secureYaml } from "./cassandra-access.ts";
import { classPathOf, exitWhenOutOfMemory } from "./java.ts";
import type { Service } from "./service.ts";

/** A single node, or three in a cluster, configured to start fast and to lose no acknowledged write. */
export const cassandra: Service = {
  name: "cassandra",
  title: "Cassandra",
  dependsOn: [],
  ports: ["cassandra", "cassandraStorage"],
  hosts: nodesOf,
  startsTogether: true,
  address: (instance) => everyNode(instance, instance.config.ports.cassandra).join(", "),

  async prepare(instance) {
    for (const [index, host] of nodesOf(instance).entries()) {
      const data = dataOf(instance, index);
      mkdirSync(join(data, "tmp"), { recursive: true });
      await Bun.write(join(data, "cassandra.yaml"), yaml(instance, host, data));
      await Bun.write(join(data, "logback.xml"), logback);
    }
  },

  programs: (instance) => {
    const { isCluster, isSecure, config } = instance;
    return nodesOf(instance).map((host, index) => {
      const data = dataOf(instance, index);
      const heap = `${heapMegabytes(instance)}m`;
      return {
        name: nodeName(instance, "cassandra", index),
        argv: [
          join(instance.installed.java17Home, "bin", "java"),
          ...[`-Xms${heap}`, `-Xmx${heap}`, "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=100", exitWhenOutOfMemory],
          `-javaagent:${join(instance.installed.bundle("cassandra"), "jamm-0.4.0.jar")}`,
          ...moduleFlags,
          `-Djava.io.tmpdir=${join(data, "tmp")}`,
          `-Dcassandra.config=file://${join(data, "cassandra.yaml")}`,
          `-Dlogback.configurationFile=${join(data, "logback.xml")}`,
          `-Dcassandra.storagedir=${data}`,
          "-Dcassandra-foreground=yes",
          ...joining(instance, index),
          firstRoleAtOnce,
          // The clock for timeouts; an idle node would otherwise update it every 2 ms.
          "-Dcassandra.approximate_time_precision_ms=50",
          ...["-cp", classPathOf(instance, "cassandra")],
          "org.apache.cassandra.service.CassandraDaemon",
        ],
        cwd: data,
        address: `${host}:${config.ports.cassandra}`,
        stopWithinSeconds: 60,
        ready: isSecure ? takesLogins : () => executesQuery(instance, host),
        ...(isSecure && { provide: (own: Instance) => grantCassandra(ownConfig(own), rolePasswords(own)) }),
        // Programs that create the same table at once through different nodes make tables that differ.
        ...(isCluster && index === 0 && { provide: createTable }),
      };
    });
  },
};

const heapMegabytes = ({ isCluster }: Instance) => (isCluster ? 512 : 1_024);

const dataOf = (instance: Instance, index: number) => dataFolder(instance, nodeName(instance, "cassandra", index));

/** How a node joins its peers. Each owns the same part of the ring. */
function joining(instance: Instance, index: number): string[] {
  // A single node has no peers to wait for.
  if (!instance.isCluster)
    return [
      "-Dcassandra.skip_wait_for_gossip_to_settle=0",
      "-Dcassandra.ring_delay_ms=0",
      "-Dcassandra.initial_token=0",
    ];
  const token = -(2n ** 63n) + (BigInt(index) * 2n ** 64n) / BigInt(nodesOf(instance).length) + 1n;
  return [
    `-Dcassandra.initial_token=${token}`,
    // How long a node looks for its peers, and may be silent until they forget it while it joins; 30 s by default.
    "-Dcassandra.ring_delay_ms=10000",
    "-Dcassandra.gossip_settle_min_wait_ms=1000",
  ];
}

const yaml = (instance: Instance, host: string, data: string) => {
  const { cassandra, cassandraStorage } = instance.config.ports;
  const folder = (name: string) => JSON.stringify(join(data, name));
  return `# Written by stack/services/cassandra.ts at every start.
cluster_name: user-automation
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
listen_address: ${host}
rpc_address: ${host}
storage_port: ${cassandraStorage}
native_transport_port: ${cassandra}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{ seeds: "${everyNode(instance, cassandraStorage).join(",")}" }]

# On a busy machine the nodes that share it are silent for seconds without being down.
phi_convict_threshold: 12

# Nodes that start together without data have none to send one another.
auto_bootstrap: false

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

# All rows of a batch have the same replicas, so batches may be larger than a cluster should allow.
batch_size_warn_threshold: 64KiB
batch_size_fail_threshold: 640KiB

# What building indexes in compactions may take of the heap: by default a gigabyte, which is all of it or more.
sai_options: { segment_write_buffer_size: ${heapMegabytes(instance) / 16}MiB }

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

/** Asks one node, whatever the others do. */
async function executesQuery(instance: Instance, host: string) {
  const port = instance.config.ports.cassandra;
  await connectTo(host, port); // fails at once if nothing is listening; the driver takes long
  const address = `${host}:${port}`;
  const config = ownConfig(instance);
  const client = openCassandra({ cassandra: { ...config.cassandra, contactPoints: [address] } }, "stack");
  try {
    await client.connect();
    await client.execute("SELECT now() FROM system.local", [], { prepare: false, host: client.hosts.get(address) });
  } finally {
    await client.shutdown();
  }
}

/** Creates the table once all nodes have joined. */
async function createTable(instance: Instance) {
  const config = ownConfig(instance);
  const client = openCassandra(config, "stack");
  try {
    await client.connect();
    if (client.hosts.length < nodesOf(instance).length)
      throw new Error(`only ${client.hosts.length} nodes have joined`);
    await migrateCassandra(client, config, { apply: true });
  } finally {
    await client.shutdown();
  }
}

async function takesLogins(instance: Instance) {
  await connectTo("127.0.0.1", instance.config.ports.cassandra);
  await ensureAdmin(ownConfig(instance), rolePasswords(instance));
}

const rolePasswords = (instance: Instance) => (principal: Principal) => passwordOf(instance, principal, "cassandra");

async function connectTo(hostname: string, port: number) {
  const socket = await Bun.connect({ hostname, port, socket: { data() {} } });
  socket.end();
}

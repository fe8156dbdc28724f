// Runs on its own stack: it starts a cluster.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { types } from "cassandra-driver";
import { ConfigResourceTypes } from "kafkajs";
import { createCql, deleteCql } from "../../contract/tables.ts";
import { encode } from "../../contract/wire.ts";
import { consumerCheck } from "../../operations/doctor/consumer.ts";
import { brokersCheck } from "../../operations/doctor/kafka.ts";
import { tableChecks } from "../../operations/doctor/tables.ts";
import { topicsCheck } from "../../operations/doctor/topics.ts";
import { clusterNodes } from "../../operations/native-stack.ts";
import { topicsIn } from "../../operations/replicas.ts";
import { type Cassandra, openCassandra } from "../../runtime/cassandra.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { until } from "../../runtime/until.ts";
import { type Config, loadConfig } from "../../sources/config.ts";
import { registerConnector } from "../../stack/change-capture.ts";
import { up } from "../../stack/lifecycle.ts";
import { openSink } from "../../stream/cassandra/sink.ts";
import type { Write } from "../../stream/change.ts";
import { startConsumer } from "../faults/consumer.ts";
import { newUser, openRecorder } from "../faults/records.ts";
import { readRows } from "../support/cassandra.ts";
import { lines } from "../support/doctor.ts";
import { namesOf } from "../support/names.ts";
import { type OwnStack, openOwnStack } from "../support/own-stack.ts";
import { startProgram } from "../support/program.ts";
import { faultsOf, type KindName, type World } from "./faults.ts";
import { runMatrix } from "./matrix.ts";
import { openRandom, type Random } from "./random.ts";
import { openWorld } from "./world.ts";

/** What a record passes, and Kafka Connect, which has topics of its own; not all at once, for few cores. */
const steps = [["postgres", "schema-registry"], ["kafka"], ["cassandra"], ["connect", "consumer", "api"]];
/** Decides what is killed, and what is written. */
const seed = "1";
const log = openLog("test-cluster", "fatal");
let stack: OwnStack;
let config: Config;
let cassandra: Cassandra;

beforeAll(async () => {
  stack = await openOwnStack({ isCluster: true, suffix: "-cluster" });
  const begin = performance.now();
  for (const only of steps) await up(stack.instance, { only });
  report("started within", begin);
  config = loadConfig({ ...process.env, ...stack.environment });
  cassandra = openCassandra(config, "test-cluster");
}, 900_000);
afterAll(async () => {
  await cassandra?.shutdown();
  await stack.down();
  stack.remove();
});

const report = (what: string, since: number) =>
  console.log(`${what} ${((performance.now() - since) / 1_000).toFixed(1)} s`);

const environmentOf = ({ environment }: OwnStack) => ({ ...(process.env as Record<string, string>), ...environment });

const openAdmin = async () => {
  const admin = openKafka(config, "test-cluster", log).admin();
  await admin.connect();
  return admin;
};

/** What doctor says of the cluster's nodes and of what is on them. */
const findings = () =>
  lines([brokersCheck, topicsCheck, ...tableChecks, consumerCheck], { config, env: stack.environment });

test("three brokers, three Cassandra nodes and two consumers: of everything that counts there are three replicas", async () => {
  expect(config.kafka.brokers).toEqual(clusterNodes.map((host) => `${host}:${config.ports.kafka}`));
  expect(await registerConnector(stack.instance, AbortSignal.timeout(180_000))).toMatchObject({ task: "RUNNING" });
  const admin = await openAdmin();
  expect((await admin.describeCluster()).brokers.map(({ host }) => host).sort()).toEqual(clusterNodes);
  const replicas = [...(await topicsIn(admin))].map(([topic, partitions]) => [
    topic,
    Math.min(...partitions.map(({ replicas }) => replicas.length)),
  ]);
  const own = Object.fromEntries(replicas) as Record<string, number>;
  expect(Object.entries(own).filter(([, count]) => count !== 3)).toEqual([]);
  expect(Object.keys(own)).toContain("connect-offsets");
  expect(Object.keys(own)).toContain("__transaction_state");
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: ["__consumer_offsets", config.kafka.topic].map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
  });
  for (const { configEntries } of resources)
    expect(configEntries.find(({ configName }) => configName === "min.insync.replicas")?.configValue).toBe("2");
  await admin.disconnect();

  await cassandra.connect();
  expect(
    cassandra.hosts
      .values()
      .map(({ address }) => address.split(":")[0])
      .sort(),
  ).toEqual(clusterNodes);
  const { rows } = await cassandra.execute("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?", [
    config.cassandra.keyspace,
  ]);
  expect(rows[0]?.replication).toMatchObject({ datacenter1: "3" });
  await until("doctor finds nothing", async () => (await findings()).length === 0);
});

test("every batch is sent to a replica of all of its rows, which forwards none of them", async () => {
  const keyspace = "one_replica"; // with three of three nodes, any would do
  const [createKeyspace = "", createTable = ""] = createCql(keyspace, config.cassandra.localDataCenter, 1);
  for (const statement of [createKeyspace, createTable]) await cassandra.execute(statement, [], { prepare: false });
  const traces: { id: types.Uuid; coordinator: string }[] = [];
  const traced: Cassandra = Object.create(cassandra, {
    batch: {
      async value(queries: { query: string }[], options: object) {
        const result = await cassandra.batch(queries, { ...options, traceQuery: true, isIdempotent: false });
        traces.push({ id: result.info.traceId, coordinator: result.info.queriedHost });
        return result;
      },
    },
  });
  const noMetrics = { writeSeconds: { startTimer: () => () => 0 }, retries: { inc() {} } };
  const sink = openSink({ cassandra: traced, keyspace, metrics: noMetrics as never, log });
  const writes = Array.from({ length: 400 }, (_, offset): Write => {
    const user = newUser();
    return {
      message: { key: null, value: encode(user, 1), offset: String(offset), timestamp: "0" },
      change: { kind: "upsert", user, writeTimeMicros: 1 },
    };
  });
  expect(await sink.write(writes, new AbortController().signal)).toEqual([]);

  expect(new Set(traces.map(({ coordinator }) => coordinator)).size).toBe(3);
  for (const { id, coordinator } of traces) {
    const sources = await until("it is traced", async () => {
      const { duration, events } = await cassandra.metadata.getTrace(id, types.consistencies.quorum);
      return duration !== null && events.map(({ source }) => `${source}`);
    });
    expect(new Set(sources)).toEqual(new Set([coordinator.split(":")[0]!]));
  }
});

test("a node and a broker that hang are not waited for: others answer, lead and coordinate", async () => {
  const { nodes, brokers } = await openWorld(stack.instance, environmentOf(stack));
  const names = namesOf(import.meta.path, stack.environment);
  const recorder = await openRecorder(names);
  const consumer = startConsumer(names);
  await until("it is a member of the group", async () => (await consumer.status("/readyz")) === 200);
  const remove = () => cassandra.execute(deleteCql(names.keyspace), [Date.now() * 1_000, crypto.randomUUID()]);
  await remove(); // the driver prepares a statement on all nodes, and waits for each
  const hung = [nodes[0]!, brokers[0]!];
  for (const { pause } of hung) await pause();
  try {
    const begin = performance.now();
    await Promise.all(Array.from({ length: 30 }, remove));
    expect(performance.now() - begin).toBeLessThan(10_000); // a request is given up after 12 s
    await recorder.sendUsers(100);
    report("acknowledged after", begin);
    const stored = async () => (await readRows(names.config)).size === 100;
    await until("all are stored", stored, { withinMs: 120_000 });
    report("stored after", begin);
  } finally {
    for (const { resume } of hung) await resume();
  }
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  await recorder.close();
});

test("a machine and a program that are killed while all writers write lose nothing, and doctor names the nodes", async () => {
  const environment = environmentOf(stack);
  const world = await openWorld(stack.instance, environment);
  const random = openRandom(seed);
  const [machine, program] = ["kill-machine" as const, "kill-consumer" as const].map((name) =>
    firstFault(world, random, name),
  );
  const number = Number(machine?.on.at(-1));
  const down = [`broker ${number} is down`, `${clusterNodes[number - 1]}:${config.ports.cassandra} is down`];
  const isNamed = async () => {
    const found = (await findings()).join("\n");
    return down.every((text) => found.includes(text));
  };
  const faults = [
    {
      ...machine!,
      async happen(isWhole: () => Promise<void>) {
        await machine!.happen(isWhole);
        await until("doctor names both", isNamed);
      },
    },
    program!,
  ];
  for await (const report of runMatrix({ environment, faults, seed, perSecond: 100 })) {
    console.log(JSON.stringify(report));
    expect(report.anomalies).toEqual([]);
    expect(report.acknowledged).toBeGreaterThan(100);
  }
}, 900_000);

test("doctor finds topics with too few replicas, and the command it names adds them", async () => {
  const names = { KAFKA_TOPIC: "scarce", KAFKA_DEAD_LETTER_TOPIC: "scarce.dlq", KAFKA_EDIT_TOPIC: "scarce.edited" };
  const env = { ...process.env, ...stack.environment, ...names } as Record<string, string>;
  const scarce = loadConfig(env);
  await (await openRecorder({ config: loadConfig({ ...env, KAFKA_REPLICATION_FACTOR: "1" }) })).close();
  const [line, ...others] = await lines([topicsCheck], { config: scarce, env });
  expect(others).toEqual([]);
  expect(line).toStartWith("warning Kafka: fewer replicas than the 3 of the settings: scarce (1), scarce.edited (1), ");
  const [, command = ""] = /`bun run (.*?)`/.exec(line!) ?? [];
  expect(await startProgram("operate/main.ts", command.split(" "), env).exited).toBe(0);
  expect(await lines([topicsCheck], { config: scarce, env })).toEqual([]);
});

const firstFault = (world: World, random: Random, name: KindName) => faultsOf(world, random, [name]).next().value;

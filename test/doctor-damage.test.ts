/** What doctor finds where something has failed that other tests need: a broker, a slot, a role. */
// Runs alone: it adds a broker and renames the role of all connectors.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replicationRole } from "../contract/change-capture.ts";
import { captureChecksOf } from "../operations/doctor/capture.ts";
import { topicsCheck } from "../operations/doctor/topics.ts";
import { rangeOf } from "../operations/topic-log.ts";
import { createTopics, wantedTopics } from "../runtime/kafka/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { openInstance } from "../stack/instance.ts";
import { classPathOf } from "../stack/services/java.ts";
import { openCapture } from "./support/capture.ts";
import { lines } from "./support/doctor.ts";
import { freePort } from "./support/free-port.ts";
import { type Names, namesOf } from "./support/names.ts";
import { controlStack } from "./support/stack.ts";

await controlStack(); // refuses a stack that is not the test's own
const instance = await openInstance();

const folder = join(instance.folder, "data", "second-broker");
let broker: Bun.Subprocess | undefined;
afterAll(() => {
  broker?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a second broker of the stack's Kafka, which has no controller of its own. */
async function startBroker() {
  const { kafkaController } = instance.config.ports;
  const address = `PLAINTEXT://127.0.0.1:${freePort()}`;
  const file = join(folder, "server.properties");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    file,
    `process.roles=broker
node.id=2
controller.quorum.voters=1@127.0.0.1:${kafkaController}
controller.listener.names=CONTROLLER
listeners=${address}
advertised.listeners=${address}
inter.broker.listener.name=PLAINTEXT
log.dirs=${join(folder, "log")}
`,
  );
  const java = [instance.installed.java, "-Xmx256m", "-XX:+UseSerialGC", "-cp", classPathOf(instance, "kafka")];
  const stdio: ["ignore", "ignore", "ignore"] = ["ignore", "ignore", "ignore"];
  const metadata = readFileSync(join(instance.folder, "data", "kafka", "log", "meta.properties"), "utf8");
  const [, cluster = ""] = /cluster\.id=(.*)/.exec(metadata) ?? [];
  // The id may begin with a dash, so it is part of its option.
  const id = `--cluster-id=${cluster}`;
  const format = [...java, "kafka.tools.StorageTool", "format", "--ignore-formatted", id, "-c", file];
  expect(await Bun.spawn(format, { stdio }).exited).toBe(0);
  broker = Bun.spawn([...java, "kafka.Kafka", file], { cwd: folder, stdio });
}

/** What doctor says of topics, but for Kafka's own, which have one replica on a single broker whatever the settings say. */
const troubles = async (names: Names) =>
  (await lines([topicsCheck], names)).filter((line) => !line.includes("fewer replicas than the"));

test("a broker that is down: partitions that lack a replica, and partitions without a leader", async () => {
  const names = namesOf(import.meta.path, { KAFKA_REPLICATION_FACTOR: "2" });
  const { topic } = names;
  const { editTopic } = names.config.kafka;
  const admin = openKafka(names.config, "test-doctor", openLog("test-doctor", "fatal")).admin();
  await admin.connect();
  await startBroker();
  await until("it is in the cluster", async () => (await admin.describeCluster()).brokers.length === 2);
  await createTopics(admin, names.config);
  await until("all replicas are there", async () => (await troubles(names)).length === 0);

  broker?.kill("SIGTERM");
  await broker?.exited;
  const [line, ...more] = await until("the leaders have noticed", async () => {
    const found = await troubles(names);
    return found.length > 0 && found[0]?.includes(" 12 partitions ") && found;
  });
  expect(more).toEqual([]);
  expect(line).toStartWith(`warning Kafka: broker 2 is down or too slow: 12 partitions of ${topic}, ${editTopic}, `);
  expect(line).toEndWith("lack a replica. Start broker 2, or read its log; one more failure can lose records.");

  await startBroker();
  await until("it is in the cluster", async () => (await admin.describeCluster()).brokers.length === 2);
  const alone = namesOf(import.meta.path);
  const replicaAssignment = [0, 1, 2, 3].map((partition) => ({ partition, replicas: [partition === 1 ? 2 : 1] }));
  await admin.createTopics({
    topics: [{ topic: alone.topic, replicaAssignment, configEntries: [{ name: "retention.ms", value: "-1" }] }],
  });
  await createTopics(admin, alone.config);
  await until("all are led", async () => (await troubles(alone)).length === 0);
  broker?.kill("SIGTERM");
  await broker?.exited;
  await until("the partition has no leader", async () =>
    (await troubles(alone)).some((line) => line.includes("no leader")),
  );
  const [leaderless, ...others] = await troubles(alone);
  expect(others).toEqual([]);
  expect(leaderless).toMatch(
    /^error Kafka: partitions of .* have no leader: every broker with a replica of them is down\. /,
  );
  expect(leaderless).toContain(` ${alone.topic}`);
  expect(leaderless).toEndWith("Start broker 2; until then their records can be neither written nor read.");

  // All topics can be listed, and a caller that needs that one is told which it is.
  expect(await admin.listTopics()).toContain(alone.topic);
  await expect(rangeOf(admin, [alone.topic])).rejects.toThrow(
    new RegExp(`partition 1 of ${alone.topic}(,.*)? (has|have) no leader: no broker with all records is running$`),
  );

  await startBroker();
  await until("all are led", async () => (await troubles(alone)).length === 0);
  const topics = [names, alone].flatMap(({ config }) => wantedTopics(config).map(({ topic }) => topic));
  await admin.deleteTopics({ topics });
  await until("none is left", async () => {
    const left = new Set(await admin.listTopics());
    return topics.every((topic) => !left.has(topic));
  });
  broker?.kill("SIGTERM");
  await broker?.exited;
  await admin.disconnect();
});

test("a slot that PostgreSQL has given up, and Debezium's role", async () => {
  const capture = await openCapture(import.meta.path);
  const { connector, superuser, slot } = capture;
  const checks = captureChecksOf({ connector: slot, slot });
  const own = { ...capture, ...namesOf(import.meta.path, { ...capture.env, POSTGRES_URL: capture.url }) };
  await connector.register();
  await until("it runs", async () => (await lines(checks, own)).length === 0);
  await connector.put("stop");
  await superuser`ALTER SYSTEM SET idle_replication_slot_timeout = '1s'`;
  await superuser`SELECT pg_reload_conf()`;
  try {
    await until("the slot is given up", async () => {
      await superuser`CHECKPOINT`;
      return (await lines(checks, own)).length > 1;
    });
  } finally {
    await superuser`ALTER SYSTEM RESET idle_replication_slot_timeout`;
    await superuser`SELECT pg_reload_conf()`;
  }
  const [stopped, lost] = await lines(checks, own);
  expect(stopped).toStartWith(`error connector ${slot}: is stopped`);
  expect(lost).toStartWith(
    `error replication slot ${slot}: PostgreSQL has dropped WAL that it needs, so the connector has missed changes. Start over`,
  );

  await superuser.unsafe(`ALTER ROLE ${replicationRole} NOLOGIN`);
  const noLogin = (await lines(checks, own)).find((line) => line.includes("role"));
  await superuser.unsafe(`ALTER ROLE ${replicationRole} LOGIN`);
  await superuser.unsafe(`ALTER ROLE ${replicationRole} RENAME TO ${replicationRole}_away`);
  const noRole = (await lines(checks, own)).find((line) => line.includes("role"));
  await superuser.unsafe(`ALTER ROLE ${replicationRole}_away RENAME TO ${replicationRole}`);
  const cure = (what: string) =>
    `As a superuser: \`${what} ROLE ${replicationRole} LOGIN REPLICATION\`, then \`bun run up\`.`;
  expect(noLogin).toBe(
    `error change capture in PostgreSQL: the role ${replicationRole} may not log in or replicate. ${cure("ALTER")}`,
  );
  expect(noRole).toBe(
    `error change capture in PostgreSQL: there is no role ${replicationRole}, with which Debezium logs in. ${cure("CREATE")}`,
  );
  await capture.close();
});

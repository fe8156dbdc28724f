import { expect, test } from "bun:test";
import { join } from "node:path";

const project = join(import.meta.dir, "..", "..");
const read = (file: string) => Bun.file(join(project, file)).text();

interface Service {
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  volumes?: string[];
  extends?: { service: string };
}
type Services = Record<string, Service>;
const { services: single } = Bun.YAML.parse(await read("docker-compose.yml")) as { services: Services };
const { services, volumes } = Bun.YAML.parse(await read("docker-compose.cluster.yml")) as {
  services: Services;
  volumes: Record<string, null>;
};
const brokers = ["broker", "broker-2", "broker-3"];
const nodes = ["cassandra", "cassandra-2", "cassandra-3"];
const environmentOf = (name: string) => services[name]?.environment ?? {};

test("brokers have the replicas and the time limits of the native cluster", async () => {
  const kafka = await read("stack/services/kafka.ts");
  const [, native = ""] = /isCluster\n {4}\? `(.*?)`/s.exec(kafka) ?? [];
  // Share groups came after the Kafka in these containers.
  const settings = [...native.matchAll(/^(?!share)([\w.]+)=(.+)$/gm)];
  expect(settings.length).toBeGreaterThanOrEqual(7);
  for (const [, key = "", value] of settings)
    for (const broker of brokers)
      expect([broker, key, environmentOf(broker)[`KAFKA_${key.replaceAll(".", "_").toUpperCase()}`]]).toEqual([
        broker,
        key,
        value,
      ]);
});

test("each broker is a voter under its own name, with data of its own", () => {
  const voters = brokers.map((broker, index) => `${index + 1}@${broker}:29093`).join(",");
  for (const [index, broker] of brokers.entries()) {
    const given = { ...single.broker?.environment, ...environmentOf(broker) };
    expect(given).toMatchObject({ KAFKA_CONTROLLER_QUORUM_VOTERS: voters, KAFKA_NODE_ID: String(index + 1) });
    expect(given.KAFKA_LISTENERS).toContain(`CONTROLLER://${broker}:29093`);
    expect(given.KAFKA_ADVERTISED_LISTENERS).toStartWith(`PLAINTEXT://${broker}:29092,`);
  }
  const data = [...brokers, ...nodes]
    .filter((name) => !(name in single))
    .flatMap((name) => services[name]?.volumes ?? []);
  expect(data.map((volume) => volume.split(":")[0]!)).toEqual(Object.keys(volumes));
});

test("nodes have the settings of a single one, and the same part of the ring each", async () => {
  const plain = single.cassandra?.environment?.JVM_EXTRA_OPTS?.split(" ") ?? [];
  const others = ["-Dcassandra.skip_wait_for_gossip_to_settle=0", "-Dcassandra.ring_delay_ms=0"];
  const native = await read("stack/services/cassandra.ts");
  for (const [index, node] of nodes.entries()) {
    const options = environmentOf(node).JVM_EXTRA_OPTS?.trim().split(" ") ?? [];
    expect(options).toEqual(expect.arrayContaining(plain.filter((option) => !others.includes(option.trim()))));
    const token = -(2n ** 63n) + (BigInt(index) * 2n ** 64n) / 3n + 1n;
    expect(options).toContain(`-Dcassandra.initial_token=${token}`);
    for (const option of ["-Dcassandra.ring_delay_ms=10000", "-Dcassandra.gossip_settle_min_wait_ms=1000"])
      expect([options.includes(option), native.includes(option)]).toEqual([true, true]);
  }
});

test("every program has the servers of the cluster, and waits for all of them", () => {
  for (const [name, { environment = {}, depends_on = {} }] of Object.entries(single)) {
    if (environment.KAFKA_BROKERS !== undefined && !name.startsWith("airflow"))
      expect([name, environmentOf(name)]).toMatchObject([
        name,
        { KAFKA_BROKERS: brokers.map((broker) => `${broker}:29092`).join(","), CASSANDRA_REPLICATION_FACTOR: "3" },
      ]);
    const waits = Object.keys({ ...depends_on, ...services[name]?.depends_on });
    if ("broker" in depends_on && !["control-center", "connect-ui"].includes(name))
      expect([name, waits]).toEqual([name, expect.arrayContaining(brokers)]);
    if ("cassandra" in depends_on) expect([name, waits]).toEqual([name, expect.arrayContaining(["create-table"])]);
  }
  expect(Object.keys(services["create-table"]?.depends_on ?? {})).toEqual([...nodes, "postgres"]);
  expect(environmentOf("airflow-scheduler").KAFKA_REPLICATION_FACTOR).toBe("3");
});

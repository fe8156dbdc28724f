import { expect, test } from "bun:test";
import { curesOf, placeOf } from "./cures.ts";

test("addresses are those that the reader can use, without a login", () => {
  const ports = { connect: 18_083, schemaRegistry: 8_081 };
  const native = curesOf(ports, "native");
  expect(native.address("http://rachel:secret@127.0.0.1:8083/connectors/x")).toBe("http://127.0.0.1:8083/connectors/x");
  const inContainers = curesOf(ports, "compose");
  expect(inContainers.address("http://connect:8083/connectors/x")).toBe("http://localhost:18083/connectors/x");
  expect(inContainers.address("http://rachel:secret@schema-registry:8081/config")).toBe("http://localhost:8081/config");
  expect(inContainers.address("https://connect.example.com/connectors/x")).toBe(
    "https://connect.example.com/connectors/x",
  );
});

test("what does not work is looked up in its log, started, or is elsewhere", () => {
  const ports = { connect: 8_083, schemaRegistry: 8_081 };
  const [native, inContainers] = [curesOf(ports, "native"), curesOf(ports, "compose")];
  expect(native.restore("kafka", "127.0.0.1:9092", "KAFKA_BROKERS")).toBe("See its log: `bun run logs kafka`");
  expect(native.restore("kafka", "kafka.example.com:9092", "KAFKA_BROKERS")).toBe("Start it, or correct KAFKA_BROKERS");
  expect(inContainers.restore("kafka", "broker:29092", "KAFKA_BROKERS")).toBe(
    "Start it: `docker compose up -d broker`. See its log: `docker compose logs broker`",
  );
  expect(inContainers.restore("airflow-api-server", "airflow-apiserver:8080", "AIRFLOW_URL")).toContain(
    "up -d airflow-apiserver`",
  );
  expect(inContainers.log("airflow-api-server")).toBe("See its log: `docker compose logs airflow-apiserver`");
  expect(native.revive("airflow-scheduler")).toBe("See its log: `bun run logs airflow-scheduler`");
  expect(inContainers.revive("airflow-scheduler")).toBe(
    "Start it: `docker compose up -d airflow-scheduler`. See its log: `docker compose logs airflow-scheduler`",
  );
  expect(inContainers.restore("api", "10.0.0.1:5000", "API_URL")).toBe("Start it, or correct API_URL");
});

test("of servers elsewhere nobody knows how they are started; in Kubernetes the project's own programs are Deployments", () => {
  const ports = { connect: 8_083, schemaRegistry: 8_081 };
  const company = curesOf(ports, "elsewhere");
  expect(company.start("consumer")).toBe("Start it where it runs");
  expect(company.log("kafka")).toBe("See its log where it runs");
  expect(company.restore("kafka", "broker:29092", "KAFKA_BROKERS")).toBe("Start it, or correct KAFKA_BROKERS");
  expect(company.cql("DROP INDEX x")).toBe('`cqlsh -e "DROP INDEX x"`');
  const pods = curesOf(ports, "kubernetes");
  expect(pods.restart("consumer")).toBe("Restart the consumer: `kubectl rollout restart deploy/consumer`");
  expect(pods.log("api")).toBe("See its log: `kubectl logs deploy/api`");
  expect(pods.log("cassandra")).toBe("See its log where it runs");
  expect(placeOf(false, {})).toBe("elsewhere");
  expect(placeOf(false, { OPERATE_COMMAND: "kubectl exec deploy/console -- programs operate" })).toBe("kubernetes");
});

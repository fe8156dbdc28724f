import { expect, test } from "bun:test";
import { curesOf } from "./cures.ts";

test("addresses are those that the reader can use, without a login", () => {
  const ports = { connect: 18_083, schemaRegistry: 8_081 };
  const native = curesOf(ports, true);
  expect(native.address("http://rachel:secret@127.0.0.1:8083/connectors/x")).toBe("http://127.0.0.1:8083/connectors/x");
  const inContainers = curesOf(ports, false);
  expect(inContainers.address("http://connect:8083/connectors/x")).toBe("http://localhost:18083/connectors/x");
  expect(inContainers.address("http://rachel:secret@schema-registry:8081/config")).toBe("http://localhost:8081/config");
  expect(inContainers.address("https://connect.example.com/connectors/x")).toBe(
    "https://connect.example.com/connectors/x",
  );
});

test("what does not work is looked up in its log, started, or is elsewhere", () => {
  const ports = { connect: 8_083, schemaRegistry: 8_081 };
  const [native, inContainers] = [curesOf(ports, true), curesOf(ports, false)];
  expect(native.restore("kafka", "127.0.0.1:9092", "KAFKA_BROKERS")).toBe("See `bun run logs kafka`");
  expect(native.restore("kafka", "kafka.example.com:9092", "KAFKA_BROKERS")).toBe("Start it, or correct KAFKA_BROKERS");
  expect(inContainers.restore("kafka", "broker:29092", "KAFKA_BROKERS")).toBe(
    "Start it: `docker compose up -d broker`; `docker compose logs broker` says more",
  );
  expect(inContainers.restore("airflow-api-server", "airflow-apiserver:8080", "AIRFLOW_URL")).toContain(
    "up -d airflow-apiserver`",
  );
  expect(inContainers.log("airflow-api-server")).toBe("`docker compose logs airflow-apiserver`");
  expect(native.revive("airflow-scheduler")).toBe("See `bun run logs airflow-scheduler`");
  expect(inContainers.revive("airflow-scheduler")).toBe(
    "Start it: `docker compose up -d airflow-scheduler`; `docker compose logs airflow-scheduler` says more",
  );
  expect(inContainers.restore("api", "10.0.0.1:5000", "API_URL")).toBe("Start it, or correct API_URL");
});

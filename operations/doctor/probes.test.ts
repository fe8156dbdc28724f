import { expect, test } from "bun:test";
import { resolveSettings } from "../../runtime/config.ts";
import { openClients } from "./clients.ts";
import { examine } from "./examine.ts";
import { probeChecks } from "./probes.ts";

test("one that answers that it cannot work is started already, so its log is named", async () => {
  const server = Bun.serve({ port: 0, fetch: () => new Response("Cassandra is unavailable", { status: 503 }) });
  const env = { OPERATE_COMMAND: "docker compose run --rm operate", API_URL: `http://127.0.0.1:${server.port}` };
  const config = resolveSettings({}, "", env, "config.yaml");
  const clients = openClients({ config, env, postgresUrl: config.postgres.url, isNative: false });
  const ofApi = probeChecks.filter(({ of }) => of[0] === "the API");
  const findings = await examine(ofApi, clients, { withinMs: 60_000 });
  await Promise.all([clients.close(), server.stop(true)]);
  expect(findings).toMatchObject([
    {
      cause: `does not work at ${env.API_URL}/: /readyz responds with status 503: Cassandra is unavailable`,
      cure: "See its log: `docker compose logs api`",
    },
  ]);
});

test("in containers each service that is away is named with the command that starts its container", async () => {
  const env = {
    OPERATE_COMMAND: "docker compose run --rm operate",
    POSTGRES_URL: "postgres://users:secret@postgres:5432/users",
    CASSANDRA_CONTACT_POINTS: "cassandra:9042",
    SCHEMA_REGISTRY_URL: "http://schema-registry:8081",
    CONNECT_URL: "http://connect:8083",
    AIRFLOW_URL: "http://airflow-apiserver:8080",
    EMBEDDED_SOURCE_URL: "http://source:3001/api/1.4/",
    API_URL: "http://api:5000",
    SPARK_URL: "http://spark-master:9090",
  };
  const clients = openClients({
    config: resolveSettings({}, "", env, "config.yaml"),
    env,
    postgresUrl: env.POSTGRES_URL,
    sourceUrl: env.EMBEDDED_SOURCE_URL,
    isNative: false,
  });
  const findings = await examine(probeChecks, clients, { withinMs: 60_000 });
  await clients.close();
  const starts = findings.map(({ about, cure }) => [about, /^Start it: `docker compose up -d (\S+)`/.exec(cure)?.[1]]);
  expect(starts).toEqual([
    ["PostgreSQL", "postgres"],
    ["Cassandra", "cassandra"],
    ["Schema Registry", "schema-registry"],
    ["Kafka Connect", "connect"],
    ["Airflow", "airflow-apiserver"],
    ["the embedded source", "source"],
    ["the API", "api"],
    ["Spark", "spark-master"],
  ]);
  expect(JSON.stringify(findings)).not.toContain("secret");
});

/** The programs on servers that ask for TLS and a login, and what each says to settings that cannot work. */
// Runs on its own stack: of which it uses only the Schema Registry.
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { validUsers } from "../contract/samples.ts";
import { keyOf } from "../contract/topics.ts";
import { until } from "../runtime/until.ts";
import { up } from "../stack/lifecycle.ts";
import { readRows } from "./support/cassandra.ts";
import { namesOf } from "./support/names.ts";
import { type OwnStack, openOwnStack } from "./support/own-stack.ts";
import { allow, openClients, type SecuredClients } from "./support/secured-servers/clients.ts";
import { passwords } from "./support/secured-servers/passwords.ts";
import { type SecuredServers, startSecuredServers } from "./support/secured-servers/servers.ts";
import { runSparkJob } from "./support/secured-servers/spark.ts";
import { wrongForCassandra } from "./support/wrong-settings/cassandra.ts";
import { wrongForKafka } from "./support/wrong-settings/kafka.ts";
import { wrongForPostgres } from "./support/wrong-settings/postgres.ts";
import { wrongForRegistry } from "./support/wrong-settings/registry.ts";

setDefaultTimeout(900_000);

const names = namesOf(import.meta.path);
let stack: OwnStack;
let servers: SecuredServers;
let clients: SecuredClients;
let start: SecuredClients["start"];
let run: SecuredClients["run"];

beforeAll(async () => {
  stack = await openOwnStack({ suffix: "-registry" });
  await up(stack.instance, { only: ["postgres", "schema-registry"] });
  servers = await startSecuredServers(stack.instance.config.schemaRegistry.url);
  clients = openClients(servers, names);
  ({ start, run } = clients);
  await allow(servers, "pipeline", names);
});
afterEach(() => clients.end());
afterAll(async () => {
  await servers?.close();
  await stack.down();
  stack.remove();
});

test("what is missing is named with the statements for an administrator, all at once, and is not created", async () => {
  const [produce, backup] = await Promise.all([
    run("produce", { MANAGE_SCHEMA: "false" }),
    run("backup", { MANAGE_SCHEMA: "false" }),
  ]);
  expect([produce.code, backup.code]).toEqual([2, 2]);
  for (const part of [
    `--create --if-not-exists --topic ${names.topic} `,
    `--topic ${names.deadLetterTopic} `,
    `/config/${names.topic}-value `,
    `/subjects/${names.topic}-value/versions `,
  ])
    expect(produce.log).toContain(part);
  expect(backup.log).toContain("CREATE TABLE IF NOT EXISTS created_users");
  expect(await run("produce", { MANAGE_SCHEMA: "false" })).toMatchObject({ code: 2 });
});

const byToken = () => ({
  KAFKA_SASL_MECHANISM: "oauthbearer",
  KAFKA_SASL_USERNAME: "",
  KAFKA_SASL_PASSWORD_FILE: "",
  KAFKA_OAUTH_TOKEN_URL: servers.tokenUrl,
  KAFKA_OAUTH_CLIENT_ID: "pipeline",
  KAFKA_OAUTH_CLIENT_SECRET: passwords.pipeline,
  KAFKA_OAUTH_SCOPE: "kafka",
});

test("every program works with TLS and a login, each with another mechanism, waits for what it may not create, and a user reaches the API", async () => {
  const withoutRights = { MANAGE_SCHEMA: "false" };
  const consumer = start("consumer", {
    ...withoutRights,
    ...byToken(),
  });
  const api = start("api", {
    ...withoutRights,
    KAFKA_SASL_MECHANISM: "scram-sha-256",
    SCHEMA_REGISTRY_USERNAME: "",
    SCHEMA_REGISTRY_PASSWORD_FILE: "",
    SCHEMA_REGISTRY_TOKEN: "registry-token",
  });
  const table = `CREATE TABLE IF NOT EXISTS ${names.keyspace}.created_users`;
  const topic = `--create --if-not-exists --topic ${names.topic} `;
  const subject = `/subjects/${names.editTopic}-value/versions `;
  const waitsFor = (program: typeof api, statements: string[]) =>
    until(`it names ${statements.join(", ")}`, async () => {
      const lines = (await program.output())
        .split("\n")
        .filter((line) => line.includes("waiting for an administrator"));
      return statements.every((statement) => lines.some((line) => line.includes(statement)));
    });
  await Promise.all([waitsFor(consumer, [table, topic]), waitsFor(api, [table, topic, subject])]);

  // An administrator does.
  expect(await run("migrate")).toMatchObject({ code: 0 });
  expect(await run("backup")).toMatchObject({ code: 0 });
  expect(await run("produce", { KAFKA_SASL_MECHANISM: "plain" })).toMatchObject({ code: 0 });
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${api.port}${path}`);
    return response.ok ? await response.text() : "";
  };
  await until("the API has the user", () => ask(`/get-user/${keyOf(validUsers[0]!)}`));
  await until("only a subject is missing", async () => {
    const writes = await ask("/readyz");
    return writes.includes(subject) && !writes.includes(topic);
  });
  start("api");
  await until("the API takes writes", async () => (await ask("/readyz")).includes('"accepted"'));
  // Everything is there now, so nothing has to be created.
  expect(await run("produce", withoutRights)).toMatchObject({ code: 0 });
});

test("client certificates are shown to Kafka, the registry and PostgreSQL, and SASL works without TLS", async () => {
  const certificate = (group: string) => ({
    [`${group}_CERTIFICATE_FILE`]: servers.file("client.crt"),
    [`${group}_KEY_FILE`]: servers.file("client.key"),
  });
  await allow(servers, "CN=certified", names);
  const noLogin = { KAFKA_SASL_MECHANISM: "none", KAFKA_SASL_USERNAME: "", KAFKA_SASL_PASSWORD_FILE: "" };
  const mutual = {
    ...noLogin,
    KAFKA_BROKERS: servers.kafka.certified,
    ...certificate("KAFKA"),
    SCHEMA_REGISTRY_URL: servers.registry.certificate,
    SCHEMA_REGISTRY_USERNAME: "",
    SCHEMA_REGISTRY_PASSWORD_FILE: "",
    ...certificate("SCHEMA_REGISTRY"),
  };
  expect(await run("produce", mutual)).toMatchObject({ code: 0 });
  const plainly = {
    KAFKA_BROKERS: servers.kafka.login,
    KAFKA_TLS: "",
    KAFKA_CA_FILE: "",
    KAFKA_SASL_MECHANISM: "plain",
  };
  expect(await run("produce", plainly)).toMatchObject({ code: 0 });
  // It logs in by its certificate, and then may not create the table.
  const asCertified = {
    POSTGRES_URL: servers.postgresUrl("certified"),
    POSTGRES_PASSWORD_FILE: "",
    ...certificate("POSTGRES"),
  };
  const refused = await run("backup", asCertified);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.log).toContain("permission denied for");
});

test("Spark's job works with TLS, logins and a token for Kafka, ends at a wrong authority, and leaves no file", async () => {
  const folder = (name: string) => {
    mkdirSync(servers.file(name));
    return servers.file(name);
  };
  const keyspace = `${names.keyspace}_spark`;
  const [done, refused] = await Promise.all([
    runSparkJob(clients, folder("spark"), { ...byToken(), CASSANDRA_KEYSPACE: keyspace }),
    runSparkJob(clients, folder("spark-refused"), { CASSANDRA_CA_FILE: servers.file("other-ca.crt") }),
  ]);
  expect(done).toMatchObject({ code: 0 });
  const rows = await readRows({ cassandra: { ...servers.asAdmin.CassandraConfig.cassandra, keyspace } });
  expect([...rows.keys()].sort()).toEqual(validUsers.map(keyOf).sort());
  expect(refused).toMatchObject({ code: 2, log: expect.stringContaining("CASSANDRA_CA_FILE") });
  for (const name of ["spark", "spark-refused"])
    expect(readdirSync(servers.file(name)).filter((entry) => entry.startsWith("spark-trust-"))).toEqual([]);
});

test("the API works with a secure connect bundle, and a wrong login of it ends the API", async () => {
  const bundled = {
    CASSANDRA_CONTACT_POINTS: "",
    CASSANDRA_TLS: "",
    CASSANDRA_CA_FILE: "",
    CASSANDRA_SECURE_CONNECT_BUNDLE: servers.file("bundle.zip"),
  };
  const { port } = start("api", bundled);
  await until("it is ready", async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
  const refused = await run("api", { ...bundled, CASSANDRA_PASSWORD_FILE: "", CASSANDRA_PASSWORD: "wrong" });
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.log).toContain("correct cassandra.username (CASSANDRA_USERNAME)");
});

test("each wrong value ends the program with exit code 2 and one error, which names the server, the setting and what to do", async () => {
  const outcomes: string[] = [];
  const waiting = [
    ...wrongForKafka(servers, names),
    ...wrongForCassandra(servers, names),
    ...wrongForPostgres(servers),
    ...wrongForRegistry(servers),
  ];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { what, program, settings, says } = next;
      const { code, log } = await run(program, settings);
      const errors = log
        .split("\n")
        .filter((line) => /level=error .*msg="?(failed|configuration)|^(Kafka|Cassandra|PostgreSQL) at /.test(line));
      const missing = says.filter((part) => !errors.some((line) => line.includes(part)));
      if (code !== 2 || errors.length !== 1 || missing.length > 0)
        outcomes.push(
          `${what}: code ${code}, ${errors.length} errors, without ${JSON.stringify(missing)}: ${errors.join("\n") || log.slice(-600)}`,
        );
    }
  };
  await Promise.all([work(), work(), work()]);
  expect(outcomes).toEqual([]);
});

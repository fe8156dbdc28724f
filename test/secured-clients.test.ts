/** The programs on servers that ask for TLS and a login, and what each says to settings that cannot work. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from "kafkajs";
import { validUsers } from "../contract/samples.ts";
import { keyOf } from "../contract/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { freePort } from "./support/free-port.ts";
import { namesOf } from "./support/names.ts";
import { plainEnvironment } from "./support/plain-environment.ts";
import { type StartedProgram, startProgram } from "./support/program.ts";
import { passwords, type SecuredServers, startSecuredServers } from "./support/secured-servers.ts";

setDefaultTimeout(120_000);

type Env = Record<string, string>;

const names = namesOf(import.meta.path);
let servers: SecuredServers;
let settings: Env;
const started: StartedProgram[] = [];

beforeAll(async () => {
  servers = await startSecuredServers(names.config.schemaRegistry.url);
  const secret = (name: string, value: string) => {
    writeFileSync(servers.file(name), `${value}\n`, { mode: 0o600 });
    return servers.file(name);
  };
  const password = secret("pipeline-password", passwords.pipeline);
  settings = {
    ...plainEnvironment(),
    STACK_DIR: join(servers.folder, "stack"),
    LOG_LEVEL: "info",
    KAFKA_TOPIC: names.topic,
    KAFKA_DEAD_LETTER_TOPIC: names.deadLetterTopic,
    KAFKA_EDIT_TOPIC: names.editTopic,
    KAFKA_CHANGE_TOPIC: `${names.topic}.changes`,
    CONSUMER_GROUP_ID: names.groupId,
    CASSANDRA_KEYSPACE: names.keyspace,
    KAFKA_BROKERS: servers.kafka.secured,
    KAFKA_TLS: "true",
    KAFKA_CA_FILE: servers.file("ca.crt"),
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: "pipeline",
    KAFKA_SASL_PASSWORD_FILE: password,
    CASSANDRA_CONTACT_POINTS: servers.cassandra,
    CASSANDRA_TLS: "true",
    CASSANDRA_CA_FILE: servers.file("ca.crt"),
    CASSANDRA_USERNAME: "pipeline",
    CASSANDRA_PASSWORD_FILE: password,
    SCHEMA_REGISTRY_URL: servers.registry.login,
    SCHEMA_REGISTRY_CA_FILE: servers.file("ca.crt"),
    SCHEMA_REGISTRY_USERNAME: "pipeline",
    SCHEMA_REGISTRY_PASSWORD_FILE: password,
    POSTGRES_URL: servers.postgresUrl("pipeline"),
    POSTGRES_PASSWORD_FILE: password,
    POSTGRES_SSLMODE: "verify-full",
    POSTGRES_CA_FILE: servers.file("ca.crt"),
  };
  writeFileSync(servers.file("users.jsonl"), validUsers.map((user) => `${JSON.stringify(user)}\n`).join(""));
  await allow("pipeline");
}, 300_000);
afterEach(async () => {
  for (const { signal, exited } of started.splice(0)) {
    signal("SIGKILL");
    await exited;
  }
});
afterAll(() => servers?.close());

/** Lets a principal do everything with the topics and the group of this file. */
async function allow(user: string) {
  const admin = openKafka(servers.asAdmin.KafkaConfig, "test", openLog("test", "fatal")).admin();
  await admin.connect();
  const acl = [AclResourceTypes.TOPIC, AclResourceTypes.GROUP].map((resourceType) => ({
    resourceType,
    resourceName: names.topic,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: `User:${user}`,
    host: "*",
    operation: AclOperationTypes.ALL,
    permissionType: AclPermissionTypes.ALLOW,
  }));
  await admin.createAcls({ acl });
  await admin.disconnect();
}

const programs = {
  backup: ["tasks/main.ts", "backup", "--input", "users.jsonl", "--output", "backup.jsonl"],
  produce: ["tasks/main.ts", "produce", "--input", "users.jsonl", "--output", "produced.jsonl"],
  consumer: ["consumer/main.ts"],
  api: ["api/main.ts"],
} as const;

function start(program: keyof typeof programs, more: Env = {}) {
  const [file, ...args] = programs[program];
  const own = { ...settings, API_PORT: String(freePort()), CONSUMER_PORT: String(freePort()), ...more };
  const env = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== ""));
  const paths = args.map((arg) => (arg.endsWith(".jsonl") ? servers.file(arg) : arg));
  const process = startProgram(file, paths, env);
  started.push(process);
  return { ...process, port: own.API_PORT };
}

/** The exit code and the log; a program that does not end within 60 s has none. */
async function run(program: keyof typeof programs, more: Env = {}) {
  const { exited, output } = start(program, more);
  const code = await Promise.race([exited, Bun.sleep(60_000)]);
  const log = await output();
  for (const password of Object.values(passwords)) expect(log).not.toContain(password);
  return { code, log };
}

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

test("every program works with TLS and a login, each with another mechanism, and a user reaches the API", async () => {
  expect((await run("backup")).log).not.toContain("level=error");
  expect(await run("produce", { KAFKA_SASL_MECHANISM: "plain" })).toMatchObject({ code: 0 });
  start("consumer", {
    KAFKA_SASL_MECHANISM: "oauthbearer",
    KAFKA_SASL_USERNAME: "",
    KAFKA_SASL_PASSWORD_FILE: "",
    KAFKA_OAUTH_TOKEN_URL: servers.tokenUrl,
    KAFKA_OAUTH_CLIENT_ID: "pipeline",
    KAFKA_OAUTH_CLIENT_SECRET: passwords.pipeline,
    KAFKA_OAUTH_SCOPE: "kafka",
  });
  const api = start("api", {
    KAFKA_SASL_MECHANISM: "scram-sha-256",
    SCHEMA_REGISTRY_USERNAME: "",
    SCHEMA_REGISTRY_PASSWORD_FILE: "",
    SCHEMA_REGISTRY_TOKEN: "registry-token",
  });
  const url = `http://127.0.0.1:${api.port}/get-user/${keyOf(validUsers[0]!)}`;
  await until("the API has the user", async () => (await fetch(url)).ok, { withinMs: 60_000 });
  await until("it is ready", async () => (await fetch(`http://127.0.0.1:${api.port}/readyz`)).ok);
  // Everything is there now, so nothing has to be created.
  expect(await run("produce", { MANAGE_SCHEMA: "false" })).toMatchObject({ code: 0 });
});

test("client certificates are shown to Kafka, the registry and PostgreSQL, and SASL works without TLS", async () => {
  const certificate = (group: string) => ({
    [`${group}_CERTIFICATE_FILE`]: servers.file("client.crt"),
    [`${group}_KEY_FILE`]: servers.file("client.key"),
  });
  await allow("CN=certified");
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

test("the API works with a secure connect bundle, and a wrong login of it ends the API", async () => {
  const bundled = {
    CASSANDRA_CONTACT_POINTS: "",
    CASSANDRA_TLS: "",
    CASSANDRA_CA_FILE: "",
    CASSANDRA_SECURE_CONNECT_BUNDLE: servers.file("bundle.zip"),
  };
  const { port } = start("api", bundled);
  await until("it is ready", async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, { withinMs: 60_000 });
  const refused = await run("api", { ...bundled, CASSANDRA_PASSWORD_FILE: "", CASSANDRA_PASSWORD: "wrong" });
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.log).toContain("correct cassandra.username (CASSANDRA_USERNAME)");
});

/** Settings that cannot work, what the error must say of them, and the program that is asked. */
const wrong: [what: string, program: keyof typeof programs, more: () => Env, ...says: string[]][] = [
  [
    "an authority that Kafka's certificate is not of",
    "consumer",
    () => ({ KAFKA_CA_FILE: servers.file("other-ca.crt") }),
    "not signed by an authority in kafka.caFile",
    "correct kafka.caFile (KAFKA_CA_FILE)",
  ],
  [
    "no authority for Kafka",
    "produce",
    () => ({ KAFKA_CA_FILE: "" }),
    "not signed by a public authority",
    "set kafka.caFile (KAFKA_CA_FILE)",
  ],
  [
    "a wrong password for Kafka",
    "consumer",
    () => ({ KAFKA_SASL_PASSWORD_FILE: "", KAFKA_SASL_PASSWORD: "wrong" }),
    "refuses the login (SCRAM-SHA-512)",
    "KAFKA_SASL_PASSWORD",
  ],
  [
    "another name than that of Kafka's certificate",
    "api",
    () => ({ KAFKA_SERVER_NAME: "kafka.example.com" }),
    "is for other names",
    "correct kafka.serverName (KAFKA_SERVER_NAME)",
  ],
  [
    "an expired certificate of Kafka",
    "produce",
    () => ({ KAFKA_BROKERS: servers.kafka.expired }),
    "its certificate has expired",
    "have its administrator renew it",
  ],
  [
    "no TLS for a Kafka that has it",
    "produce",
    () => ({ KAFKA_TLS: "false" }),
    "it speaks TLS on this port",
    "set kafka.tls (KAFKA_TLS) to true",
  ],
  [
    "TLS for a Kafka without it",
    "consumer",
    () => ({ KAFKA_BROKERS: servers.kafka.login }),
    "it does not speak TLS on this port",
    "set kafka.tls (KAFKA_TLS) to false",
  ],
  [
    "no login for a Kafka that needs one",
    "produce",
    () => ({ KAFKA_SASL_MECHANISM: "none" }),
    "it needs a login (",
    "set kafka.saslMechanism (KAFKA_SASL_MECHANISM)",
  ],
  [
    "a mechanism that Kafka does not have",
    "produce",
    () => ({ KAFKA_BROKERS: servers.kafka.login, KAFKA_TLS: "false" }),
    "it has no login by SCRAM-SHA-512, only by PLAIN",
    "set kafka.saslMechanism (KAFKA_SASL_MECHANISM)",
  ],
  [
    "a login for a Kafka that takes none",
    "produce",
    () => ({ KAFKA_BROKERS: servers.kafka.plain, KAFKA_TLS: "false" }),
    "it takes no login on this port",
    "KAFKA_SASL_MECHANISM",
  ],
  [
    "no client certificate for a Kafka that asks for one",
    "produce",
    () => ({ KAFKA_BROKERS: servers.kafka.certified, KAFKA_SASL_MECHANISM: "none" }),
    "client certificate",
    "kafka.certificateFile (KAFKA_CERTIFICATE_FILE)",
  ],
  [
    "a wrong secret for tokens",
    "produce",
    () => ({
      KAFKA_SASL_MECHANISM: "oauthbearer",
      KAFKA_OAUTH_TOKEN_URL: servers.tokenUrl,
      KAFKA_OAUTH_CLIENT_ID: "pipeline",
      KAFKA_OAUTH_CLIENT_SECRET: "wrong",
    }),
    "no token for Kafka",
    "invalid_client",
    "KAFKA_OAUTH_CLIENT_SECRET",
  ],
  [
    "a login without grants in Kafka",
    "produce",
    () => ({ KAFKA_SASL_USERNAME: "stranger", KAFKA_SASL_PASSWORD_FILE: "", KAFKA_SASL_PASSWORD: passwords.stranger }),
    "does not allow User:stranger",
    `--operation Create --topic ${names.topic}`,
  ],
  [
    "an authority that Cassandra's certificate is not of",
    "api",
    () => ({ CASSANDRA_CA_FILE: servers.file("other-ca.crt") }),
    "Cassandra at ",
    "other-ca.crt",
    "correct cassandra.caFile (CASSANDRA_CA_FILE)",
  ],
  [
    "a wrong password for Cassandra",
    "consumer",
    () => ({ CASSANDRA_PASSWORD_FILE: "", CASSANDRA_PASSWORD: "wrong" }),
    "it refuses the login",
    "CASSANDRA_PASSWORD",
  ],
  [
    "no login for Cassandra",
    "api",
    () => ({ CASSANDRA_USERNAME: "", CASSANDRA_PASSWORD_FILE: "" }),
    "it needs a login",
    "CASSANDRA_USERNAME",
  ],
  [
    "no TLS for Cassandra",
    "api",
    () => ({ CASSANDRA_TLS: "false" }),
    "it speaks TLS on this port",
    "set cassandra.tls (CASSANDRA_TLS) to true",
  ],
  [
    "another name than that of Cassandra's certificate",
    "consumer",
    () => ({ CASSANDRA_SERVER_NAME: "cassandra.example.com" }),
    "is for other names",
    "correct cassandra.serverName (CASSANDRA_SERVER_NAME)",
  ],
  [
    "a role without grants in Cassandra",
    "api",
    () => ({
      CASSANDRA_USERNAME: "stranger",
      CASSANDRA_PASSWORD_FILE: "",
      CASSANDRA_PASSWORD: passwords.stranger,
      CASSANDRA_KEYSPACE: `${names.keyspace}_new`,
    }),
    "User stranger has no CREATE permission",
    "GRANT CREATE ON ALL KEYSPACES TO stranger;",
  ],
  [
    "an authority that PostgreSQL's certificate is not of",
    "backup",
    () => ({ POSTGRES_CA_FILE: servers.file("other-ca.crt") }),
    "PostgreSQL at ",
    "correct postgres.caFile (POSTGRES_CA_FILE)",
  ],
  [
    "a wrong password for PostgreSQL",
    "backup",
    () => ({ POSTGRES_PASSWORD_FILE: "", POSTGRES_PASSWORD: "wrong" }),
    "password authentication failed",
    "POSTGRES_PASSWORD",
  ],
  [
    "no TLS for a PostgreSQL that requires it",
    "backup",
    () => ({ POSTGRES_SSLMODE: "disable" }),
    "no encryption",
    "set postgres.sslmode (POSTGRES_SSLMODE)",
  ],
  [
    "no certificate for a role that needs one",
    "backup",
    () => ({ POSTGRES_URL: servers.postgresUrl("certified") }),
    "certificate",
    "postgres.certificateFile (POSTGRES_CERTIFICATE_FILE)",
  ],
  [
    "a role without grants in PostgreSQL",
    "backup",
    () => ({
      POSTGRES_URL: servers.postgresUrl("stranger"),
      POSTGRES_PASSWORD_FILE: "",
      POSTGRES_PASSWORD: passwords.stranger,
    }),
    "permission denied for",
    "GRANT",
  ],
  [
    "a client certificate that has expired",
    "backup",
    () => ({
      POSTGRES_CERTIFICATE_FILE: servers.file("expired-client.crt"),
      POSTGRES_KEY_FILE: servers.file("expired-client.key"),
    }),
    "postgres.certificateFile",
    "which expired at",
    "POSTGRES_CERTIFICATE_FILE",
  ],
  [
    "a key of another certificate",
    "backup",
    () => ({ POSTGRES_CERTIFICATE_FILE: servers.file("client.crt"), POSTGRES_KEY_FILE: servers.file("server.key") }),
    "which is not the private key",
    "POSTGRES_KEY_FILE",
  ],
  [
    "an authority that the registry's certificate is not of",
    "produce",
    () => ({ SCHEMA_REGISTRY_CA_FILE: servers.file("other-ca.crt") }),
    "Schema Registry at ",
    "correct schemaRegistry.caFile (SCHEMA_REGISTRY_CA_FILE)",
  ],
  [
    "a wrong password for the registry",
    "api",
    () => ({ SCHEMA_REGISTRY_PASSWORD_FILE: "", SCHEMA_REGISTRY_PASSWORD: "wrong" }),
    "refuses the login (401)",
    "SCHEMA_REGISTRY_USERNAME",
  ],
  [
    "no login for the registry",
    "produce",
    () => ({ SCHEMA_REGISTRY_USERNAME: "", SCHEMA_REGISTRY_PASSWORD_FILE: "" }),
    "needs a login (401)",
    "SCHEMA_REGISTRY_USERNAME",
  ],
  [
    "no TLS for a registry that has it",
    "produce",
    () => ({ SCHEMA_REGISTRY_URL: servers.registry.login.replace("https:", "http:") }),
    "it speaks TLS on this port",
    "use https://",
  ],
  [
    "TLS for a registry without it",
    "produce",
    () => ({ SCHEMA_REGISTRY_URL: servers.registry.plain.replace("http:", "https:") }),
    "it does not speak TLS on this port",
    "use http://",
  ],
  [
    "an expired certificate of the registry",
    "produce",
    () => ({ SCHEMA_REGISTRY_URL: servers.registry.expired }),
    "its certificate has expired",
    "have its administrator renew it",
  ],
  [
    "no client certificate for a registry that asks for one",
    "produce",
    () => ({ SCHEMA_REGISTRY_URL: servers.registry.certificate }),
    "client certificate",
    "SCHEMA_REGISTRY_CERTIFICATE_FILE",
  ],
];

test("each wrong value ends the program with exit code 2 and one error, which names the server, the setting and what to do", async () => {
  const outcomes: string[] = [];
  const waiting = [...wrong];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [what, program, more, ...says] = next;
      const { code, log } = await run(program, more());
      const errors = log
        .split("\n")
        .filter((line) => line.includes("level=error") && /msg="?(failed|configuration)/.test(line));
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

// Runs on its own stack: it starts a secure one.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "cassandra-driver";
import { Kafka, logLevel, type SASLOptions } from "kafkajs";
import { idField, table, valueSubject } from "../contract/entity.ts";
import { avroSchema } from "../contract/wire.ts";
import type { Principal } from "../operations/access/principals.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { httpAccess } from "../runtime/http-access.ts";
import { openReader } from "../runtime/kafka/reader.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { type Config, loadConfig } from "../sources/config.ts";
import { registerConnector } from "../stack/change-capture.ts";
import { environmentOf } from "../stack/environment.ts";
import { project } from "../stack/instance.ts";
import { up } from "../stack/lifecycle.ts";
import { type OwnStack, openOwnStack } from "./support/own-stack.ts";
import { plainEnvironment } from "./support/plain-environment.ts";

setDefaultTimeout(900_000);

/** All but Airflow, which only runs the tasks, the console and Spark. */
const only = ["postgres", "kafka", "schema-registry", "cassandra", "connect", "source", "consumer", "api"];
const log = openLog("test-secure", "fatal");
let stack: OwnStack;

const envOf = (principal: Principal) => environmentOf(stack.instance, principal) as Record<string, string>;
const configOf = (principal: Principal) => loadConfig({ ...plainEnvironment(), ...envOf(principal) });

beforeAll(async () => {
  stack = await openOwnStack({ isSecure: true, suffix: "-secure" });
  const building = Bun.spawn([process.execPath, "tasks/build.ts"], {
    cwd: project,
    stdio: ["ignore", "ignore", "inherit"],
  });
  await up(stack.instance, { only });
  expect(await building.exited).toBe(0);
});
afterAll(async () => {
  await stack.down();
  stack.remove();
});

/** The API over HTTPS, with the token unless another one is given. */
async function api(
  path: string,
  { token = envOf("operate").API_TOKEN, ...init }: RequestInit & { token?: string } = {},
) {
  const { tls } = httpAccess({ caFile: envOf("operate").KAFKA_CA_FILE });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...init.headers };
  return fetch(`${envOf("operate").API_URL}${path}`, { ...init, headers, ...(tls && { tls }) });
}

const countOf = async () => ((await (await api("/count")).json()) as { count: number }).count;

test("users go from the tasks into Cassandra, an edit and a change in PostgreSQL follow, each program with its own login", async () => {
  const env = { ...plainEnvironment(), ...envOf("tasks"), PATH: `${envOf("tasks").TASKS_BIN}:${process.env.PATH}` };
  const pipeline = "set -o pipefail; fetch --users 200 --seed secure | format | backup | produce";
  const tasks = Bun.spawn(["bash", "-c", pipeline], { env, stdout: "pipe", stderr: "inherit" });
  const output = await new Response(tasks.stdout).text();
  expect(await tasks.exited).toBe(0);
  const users = output.trimEnd().split("\n");
  await until("all users are there", async () => (await countOf()) === users.length);

  const id = JSON.parse(users[0]!)[idField] as string;
  const edit = await api(`/update-user/${id}`, { method: "PUT", body: JSON.stringify({ phone: "021-892-1751" }) });
  expect(edit.status).toBe(200);

  expect(await registerConnector(stack.instance, AbortSignal.timeout(180_000))).toMatchObject({ task: "RUNNING" });
  const { postgres } = configOf("operate");
  const sql = openPostgres(postgres, 1);
  await sql`UPDATE ${sql(table)} SET last_name = 'Ó Ceallaigh' WHERE ${sql(idField)} = ${id}`;
  await sql.end();
  await until("the change is there", async () => (await (await api(`/get-user/${id}`)).text()).includes("Ó Ceallaigh"));
});

/** The name or message of what an action fails with. */
const refusal = (action: () => Promise<unknown>) =>
  action().then(
    () => "allowed",
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe("Kafka", () => {
  const adminOf = async <T>(principal: Principal, use: (kafka: Kafka, config: Config) => Promise<T>) =>
    use(openKafka(configOf(principal), "test-secure", log, 1), configOf(principal));

  /** Resolves with the first record that the consumer's group gets of a topic. */
  const read = (principal: Principal, topicOf: (config: Config) => string) =>
    adminOf(principal, async (kafka, config) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const consumer = kafka.consumer({
        groupId: config.consumer.groupId,
        retry: { restartOnFailure: async () => false },
      });
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      try {
        await consumer.connect();
        await consumer.subscribe({ topic: topicOf(config), fromBeginning: true });
        await consumer.run({ eachMessage: async () => resolve() });
        await promise;
      } finally {
        await consumer.disconnect();
      }
    });
  /** Reads a topic without a group. */
  const search = (principal: Principal, topicOf: (config: Config) => string) =>
    adminOf(principal, async (kafka, config) => {
      const reader = await openReader(kafka);
      const range = { topic: topicOf(config), partition: 0, from: 0n, to: 1n, text: "", maxBytes: 1_000_000 };
      await reader.search(range).finally(() => reader.close());
    });
  const create = (principal: Principal) =>
    adminOf(principal, async (kafka) => {
      const admin = kafka.admin();
      await admin.connect();
      return admin.createTopics({ topics: [{ topic: "another", numPartitions: 1 }] }).finally(admin.disconnect);
    });
  const write = (principal: Principal, topicOf: (config: Config) => string) =>
    adminOf(principal, async (kafka, config) => {
      const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
      await producer.connect();
      return producer.send({ topic: topicOf(config), messages: [{ value: "x" }] }).finally(producer.disconnect);
    });

  test("each program may only do its own work", async () => {
    const denied = /does not allow User:/;
    const ofGroup = /does not allow User:\w+ to GroupCoordinator \(Read on the group users_created\.cassandra\)/;
    expect(await refusal(() => read("api", ({ kafka }) => kafka.topic))).toMatch(ofGroup);
    expect(await refusal(() => read("tasks", ({ kafka }) => kafka.topic))).toMatch(ofGroup);
    for (const principal of ["api", "tasks"] as const)
      expect(await refusal(() => search(principal, ({ kafka }) => kafka.topic))).toMatch(denied);
    expect(await refusal(() => create("consumer"))).toMatch(denied);
    expect(await refusal(() => write("consumer", ({ kafka }) => kafka.topic))).toMatch(denied);
    expect(await refusal(() => write("api", ({ kafka }) => kafka.topic))).toMatch(denied);
    expect(await refusal(() => write("tasks", ({ kafka }) => kafka.editTopic))).toMatch(denied);
  });

  test("a client without TLS, without a login, with a wrong password or without our authority is refused", async () => {
    const { kafka } = configOf("consumer");
    const ca = readFileSync(kafka.caFile!, "utf8");
    // A fresh object each time: kafkajs keeps the login that it was first used with in it.
    const login = (password = kafka.saslPassword!): SASLOptions => ({
      mechanism: "plain",
      username: "consumer",
      password,
    });
    const connect = (options: object) =>
      refusal(async () => {
        const client = new Kafka({
          brokers: kafka.brokers,
          logLevel: logLevel.NOTHING,
          retry: { retries: 0 },
          ...options,
        });
        const admin = client.admin();
        await admin.connect();
        await admin.describeCluster().finally(admin.disconnect);
      });
    expect(await connect({ ssl: { ca }, sasl: login() })).toBe("allowed");
    for (const [name, options] of Object.entries({
      "without TLS": { sasl: login() },
      "without TLS and a login": {},
      "without a login": { ssl: { ca } },
      "with a wrong password": { ssl: { ca }, sasl: login("wrong") },
      "without our authority": { ssl: true, sasl: login() },
    }))
      expect([name, await connect(options)]).not.toEqual([name, "allowed"]);
  });
});

describe("Cassandra", () => {
  const execute = (principal: Principal, statement: string) =>
    refusal(async () => {
      const client = openCassandra(configOf(principal), "test-secure");
      await client.execute(statement, [], { prepare: false }).finally(() => client.shutdown());
    });

  test("the API and the consumer may read and write the table, and no more", async () => {
    const { keyspace } = configOf("api").cassandra;
    for (const principal of ["api", "consumer"] as const) {
      expect(await execute(principal, `SELECT ${idField} FROM ${keyspace}.${table} LIMIT 1`)).toBe("allowed");
      for (const statement of [
        `DROP TABLE ${keyspace}.${table}`,
        `ALTER TABLE ${keyspace}.${table} ADD more text`,
        `TRUNCATE other.${table}`,
        "SELECT salted_hash FROM system_auth.roles",
        "CREATE ROLE another",
      ])
        expect([statement, await execute(principal, statement)]).not.toEqual([statement, "allowed"]);
    }
  });

  test("the first superuser's well-known password is of no use, nor is a connection without TLS", async () => {
    const { cassandra } = configOf("api");
    const { contactPoints, localDataCenter } = cassandra;
    const known = { ...cassandra, username: "cassandra", password: "cassandra" };
    const logIn = () => {
      const client = openCassandra({ cassandra: known }, "test-secure");
      return client.connect().finally(() => client.shutdown());
    };
    await until("it is refused", async () => /refuses the login/.test(await refusal(logIn)));
    expect(
      await refusal(() => {
        const client = new Client({ contactPoints, localDataCenter, credentials: { username: "api", password: "x" } });
        return client.connect().finally(() => client.shutdown());
      }),
    ).not.toBe("allowed");
  });
});

test("PostgreSQL takes no connection without TLS", async () => {
  const { postgres } = configOf("operate");
  const sql = openPostgres({ ...postgres, sslmode: "disable" }, 1);
  expect(await refusal(() => sql`SELECT 1`)).toContain("pg_hba.conf");
  await sql.end();
});

test("the registry asks for a login, and the consumer's may only read", async () => {
  const { schemaRegistry, kafka } = configOf("consumer");
  const register = (access: Parameters<typeof httpAccess>[0]) => {
    const { headers, tls } = httpAccess({ caFile: schemaRegistry.caFile, ...access });
    return fetch(`${schemaRegistry.url}/subjects/${valueSubject(kafka.topic)}/versions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ schema: JSON.stringify(avroSchema) }),
      ...(tls && { tls }),
    });
  };
  const { username, password } = schemaRegistry;
  expect((await register({})).status).toBe(401);
  expect((await register({ username, password: "wrong" })).status).toBe(401);
  expect((await register({ username, password })).status).toBe(403);
  const tasks = configOf("tasks").schemaRegistry;
  expect((await register({ username: tasks.username, password: tasks.password })).status).toBe(200);
});

test("Kafka Connect answers only those who have the operator's certificate", async () => {
  const { connect } = configOf("operate");
  const ask = (files: Parameters<typeof httpAccess>[0]) => {
    const { tls } = httpAccess({ caFile: connect.caFile, ...files });
    return refusal(async () =>
      expect((await fetch(envOf("operate").CONNECT_URL!, { ...(tls && { tls }) })).ok).toBe(true),
    );
  };
  expect(await ask(connect)).toBe("allowed");
  expect(await ask({})).not.toBe("allowed");
  const debezium = join(stack.folder, "certificates", "debezium");
  const other = { certificateFile: join(debezium, "client.crt"), keyFile: join(debezium, "client.key") };
  expect(await ask(other)).not.toBe("allowed");
});

test("the API is served over HTTPS only, and takes writes with the token only", async () => {
  const { API_URL = "" } = envOf("operate");
  expect(await refusal(() => fetch(API_URL.replace("https:", "http:")))).not.toBe("allowed");
  expect(await refusal(() => fetch(API_URL))).toContain("certificate");
  expect((await api("/add-user", { method: "POST", body: "{}", token: "wrong" })).status).toBe(401);
});

/** Runs one of the operator's commands as in a shell, which has none of the logins. */
async function operate(args: string[], env: Record<string, string> = {}) {
  const command = Bun.spawn([process.execPath, "--no-env-file", "stack/run.ts", "operate", ...args], {
    cwd: project,
    // Without what names the services of the stack that this test runs on, which would be used instead, without a login.
    env: { ...plainEnvironment(), ...stack.instance.env, STACK_DIR: stack.folder, ...env } as Record<string, string>,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
    command.exited,
  ]);
  return { stdout, stderr, code };
}

test("commands log in by themselves and have the rights that they need", async () => {
  const letters = await operate(["dead-letters", "list", "--json"]);
  expect(letters.code).toBe(0);
  expect(letters.stderr).not.toContain("KAFKA_TLS"); // it is the stack that sets it, not the user
  expect(JSON.parse(letters.stdout)).toBeDefined();
  expect((await operate(["reconcile", "--repair"])).code).toBe(0);

  const { users } = (await (await api("/users?limit=1")).json()) as { users: Record<string, string>[] };
  const forgotten = await operate(["forget", users[0]![idField]!]);
  expect(forgotten.stdout + forgotten.stderr).toContain("1 user forgotten");
});

test("a stack that was made secure by hand and never started has certificates for its commands", async () => {
  const folder = join(stack.folder, "unstarted");
  mkdirSync(join(folder, "secure"), { recursive: true });
  const id = crypto.randomUUID();
  const { stderr, stdout } = await operate(["where", id], { STACK_DIR: folder });
  expect(stdout).toContain(`${id}: not found`);
  expect(stderr).not.toContain("ENOENT");
});

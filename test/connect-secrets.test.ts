// Runs in turn: its connectors must not meet a rebalance.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { replicationRole } from "../contract/change-capture.ts";
import { openPostgres, type Postgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { superuserUrl } from "../stack/addresses.ts";
import { type Instance, openInstance, project } from "../stack/instance.ts";
import { connect } from "../stack/services/connect.ts";
import { askForPasswords, type Method } from "./support/password-thief.ts";
import { openRecorder } from "./support/recorder.ts";

const plugin = "io.debezium.connector.postgresql.PostgresConnector";
const name = `stolen_${Date.now().toString(36)}`;

let instance: Instance;
let superuser: Postgres;
let definition: Record<string, string>;

/** A request to Connect, as anyone who can reach its port may send. */
const send = (method: string, path: string, body?: unknown) =>
  fetch(`http://127.0.0.1:${instance.config.ports.connect}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });

/** Known only to the stack. */
const secrets = () => Object.values(instance.secrets) as string[];

/** A placeholder that the worker replaces with a variable of its environment. */
const variable = (name: string) => `\${env:${name}}`;

/** The real connector, with its own slot and topic prefix. */
const stolen = (changes: Record<string, string>) => ({
  ...definition,
  ...{ name, "slot.name": name, "topic.prefix": name, "snapshot.mode": "no_data", ...changes },
});

beforeAll(async () => {
  instance = await openInstance(process.env);
  definition = (await Bun.file(join(project, "postgres-connector.json")).json()).config;
  superuser = openPostgres(superuserUrl(instance, "users"));
});

afterAll(async () => {
  await send("DELETE", `/connectors/${name}`);
  await until("the slot is gone", async () => {
    await superuser`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${name}`;
    return true;
  });
  await superuser.end({ timeout: 1 });
});

describe.each(["cleartext", "md5", "scram"] as Method[])("a foreign server that asks for a password (%s)", (method) => {
  // Every variable of the worker's environment, which a connector could try to use as the password.
  const passwords = () =>
    ["CDC_POSTGRES_PASSWORD", ...Object.keys(connect.programs(instance)[0]?.env ?? {})].map(variable);

  test("gets none from the validation of a configuration", async () => {
    const thief = await askForPasswords(method);
    for (const password of passwords())
      await send(
        "PUT",
        `/connector-plugins/${plugin}/config/validate`,
        stolen({ ...foreign(thief.port), "database.password": password }),
      );
    expect(thief.asked()).toBeGreaterThan(0);
    expect(secrets().filter((secret) => thief.knows(secret, replicationRole))).toEqual([]);
    thief.close();
  });

  test("gets none from a connector", async () => {
    const thief = await askForPasswords(method);
    const config = stolen({ ...foreign(thief.port), "database.password": variable("CDC_POSTGRES_PASSWORD") });
    expect((await send("POST", "/connectors", { name, config })).status).toBe(400);
    expect(thief.asked()).toBeGreaterThan(0);
    expect(secrets().filter((secret) => thief.knows(secret, replicationRole))).toEqual([]);
    thief.close();
  });
});

test("Debezium's role has no password", async () => {
  const [role] = await superuser`SELECT rolpassword FROM pg_authid WHERE rolname = ${replicationRole}`;
  expect(role?.rolpassword).toBeNull();
});

describe("a connector's Kafka clients cannot be configured to read files", () => {
  const reader = (prefix: string, file: string) => ({
    [`${prefix}.config.providers`]: "file",
    [`${prefix}.config.providers.file.class`]: "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
    [`${prefix}.client.id`]: `\${file:${instance.folder}:${file}}`,
  });

  test("its producer accepts no overrides from a request", async () => {
    const config = stolen({ ...reader("producer.override", "secrets.json") });
    const answer = await send("POST", "/connectors", { name, config });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("None")]);
  });

  test("the consumer of Debezium's signal channel reads no file for a broker chosen by the request", async () => {
    const broker = await openRecorder();
    const signals = {
      "signal.enabled.channels": "kafka",
      "signal.kafka.topic": name,
      "signal.kafka.bootstrap.servers": `127.0.0.1:${broker.port}`,
      ...reader("signal.consumer", "secrets.json"),
    };
    const post = () => send("POST", "/connectors", { name, config: stolen(signals) });
    await until("it is accepted", async () => (await post()).status === 201); // 409 while another one is added
    const trace = await until("the broker received a request or the task failed", async () => {
      if (broker.received().length > 0) return "the broker received a request";
      const status = (await (await send("GET", `/connectors/${name}/status`)).json()) as {
        tasks: { trace?: string }[];
      };
      return status.tasks[0]?.trace;
    });
    expect(secrets().filter((secret) => broker.received().includes(secret))).toEqual([]);
    expect(trace).toContain("DirectoryConfigProvider is not allowed");
    broker.close();
  });
});

test("Connect's log levels cannot be changed", async () => {
  expect((await send("PUT", "/admin/loggers/root", { level: "TRACE" })).status).toBe(404);
});

/** Settings that direct Connect to a foreign server, without TLS. */
const foreign = (port: number) => ({
  "database.hostname": "127.0.0.1",
  "database.port": String(port),
  "database.sslmode": "disable",
});

/**
 * Servers that ask for TLS and a login, as those of a company do: Kafka, Cassandra and PostgreSQL with files and ports of
 * their own, and a front with TLS for the stack's Schema Registry.
 */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCassandra } from "../../runtime/cassandra.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { openLog } from "../../runtime/log.ts";
import { openPostgres } from "../../runtime/postgres.ts";
import { until } from "../../runtime/until.ts";
import { superuserUrl } from "../../stack/addresses.ts";
import { dataFolder, type Instance, openInstance } from "../../stack/instance.ts";
import { cassandra } from "../../stack/services/cassandra.ts";
import { classPathOf, smallHeap } from "../../stack/services/java.ts";
import { postgres } from "../../stack/services/postgres.ts";
import { accessSettings } from "../../stack/services/postgres-access.ts";
import { letPostgresRead, removePostgresFolder } from "../../stack/services/postgres-files.ts";
import { freePort } from "./free-port.ts";
import { plainEnvironment } from "./plain-environment.ts";

/** The passwords of every login of these servers. */
export const passwords = { admin: "admin-secret", pipeline: "pipeline-secret", stranger: "stranger-secret" };

export interface SecuredServers {
  folder: string;
  /** The path of a certificate or key: `ca.crt`, `client.key`. */
  file: (name: string) => string;
  /** host:port of each of Kafka's listeners. */
  kafka: Record<keyof typeof listeners, string>;
  cassandra: string;
  /** PostgreSQL's URL without a password. */
  postgresUrl: (role: string) => string;
  registry: Record<"login" | "certificate" | "expired" | "plain", string>;
  /** Where the tokens for Kafka come from; its client is `pipeline`. */
  tokenUrl: string;
  asAdmin: { KafkaConfig: Parameters<typeof openKafka>[0]; CassandraConfig: Parameters<typeof openCassandra>[0] };
  close: () => Promise<void>;
}

/** Kafka's listeners for clients, by protocol; `expired` has a certificate that has expired. */
const listeners = {
  secured: "SASL_SSL",
  certified: "SSL",
  expired: "SSL",
  plain: "PLAINTEXT",
  login: "SASL_PLAINTEXT",
} as const;

export async function startSecuredServers(registryUrl: string): Promise<SecuredServers> {
  const folder = mkdtempSync(join(tmpdir(), "secured-"));
  const ports = { kafka: freePort(), certified: freePort(), expired: freePort(), plain: freePort(), login: freePort() };
  const [CASSANDRA_PORT, CASSANDRA_STORAGE_PORT, POSTGRES_PORT, KAFKA_CONTROLLER_PORT] = [0, 1, 2, 3].map(() =>
    String(freePort()),
  );
  const instance = await openInstance({
    ...plainEnvironment(),
    STACK_DIR: join(folder, "stack"),
    KAFKA_PORT: String(ports.kafka),
    KAFKA_CONTROLLER_PORT,
    CASSANDRA_PORT,
    CASSANDRA_STORAGE_PORT,
    POSTGRES_PORT,
  });
  const file = (name: string) => join(folder, name);
  const made = Bun.spawnSync([instance.installed.python, join(import.meta.dir, "certificates.py"), folder]);
  if (made.exitCode !== 0) throw new Error(String(made.stderr));
  const at = (port: number | string | undefined) => `127.0.0.1:${port}`;
  const kafka = {
    secured: at(ports.kafka),
    certified: at(ports.certified),
    expired: at(ports.expired),
    plain: at(ports.plain),
    login: at(ports.login),
  };
  const tokens = serveTokens();
  const fronts = openFronts(registryUrl, file);
  const settings = instance.config;
  const asAdmin = {
    KafkaConfig: { kafka: { ...settings.kafka, brokers: [kafka.plain] } },
    CassandraConfig: {
      cassandra: {
        ...settings.cassandra,
        contactPoints: [at(CASSANDRA_PORT)],
        tls: true,
        caFile: file("ca.crt"),
        username: "cassandra",
        password: "cassandra",
      },
    },
  };
  const processes = await Promise.all([
    startKafka(instance, kafka, file),
    startCassandra(instance, file),
    startPostgres(instance, file),
  ]);
  await Promise.all([
    kafkaAnswers(asAdmin.KafkaConfig),
    prepareRoles(asAdmin.CassandraConfig),
    preparePostgres(instance),
  ]);
  const metadata = await bundleOf(asAdmin.CassandraConfig, instance, file);
  return {
    folder,
    file,
    kafka,
    cassandra: at(CASSANDRA_PORT),
    postgresUrl: (role) => `postgres://${role}@${at(POSTGRES_PORT)}/users`,
    registry: fronts.urls,
    tokenUrl: `${tokens.url.origin}/token`,
    asAdmin,
    async close() {
      for (const process of processes) process.kill("SIGKILL");
      await Promise.all([
        ...processes.map(({ exited }) => exited),
        tokens.stop(true),
        metadata.stop(true),
        fronts.close(),
      ]);
      removePostgresFolder(instance);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const start = (instance: Instance, name: string, argv: string[], cwd?: string) =>
  Bun.spawn(argv, {
    cwd,
    stdio: ["ignore", "ignore", Bun.file(join(instance.folder, "logs", `${name}.log`))],
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });

/** One broker with every way to log in; `PLAINTEXT` is its administrator's. */
async function startKafka(instance: Instance, addresses: SecuredServers["kafka"], file: (name: string) => string) {
  const data = dataFolder(instance, "kafka");
  const properties = join(data, "kraft.properties");
  const names = Object.keys(listeners) as (keyof typeof listeners)[];
  const controller = `127.0.0.1:${instance.config.ports.kafkaController}`;
  const login = (name: string) => `org.apache.kafka.common.security.${name} required`;
  const plain = Object.entries(passwords)
    .map(([user, password]) => `user_${user}="${password}"`)
    .join(" ");
  const keystore = (name: string, certificate: string) =>
    `listener.name.${name}.ssl.keystore.type=PEM\nlistener.name.${name}.ssl.keystore.location=${file(certificate)}\nlistener.name.${name}.ssl.truststore.type=PEM\nlistener.name.${name}.ssl.truststore.location=${file("ca.crt")}`;
  writeFileSync(
    properties,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@${controller}
listeners=${names.map((name) => `${name.toUpperCase()}://${addresses[name]}`).join(",")},CONTROLLER://${controller}
advertised.listeners=${names.map((name) => `${name.toUpperCase()}://${addresses[name]}`).join(",")}
listener.security.protocol.map=${names.map((name) => `${name.toUpperCase()}:${listeners[name]}`).join(",")},CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs=${join(data, "log")}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
${keystore("secured", "server.pem")}
${keystore("certified", "server.pem")}
listener.name.certified.ssl.client.auth=required
${keystore("expired", "expired.pem")}
listener.name.secured.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.secured.plain.sasl.jaas.config=${login("plain.PlainLoginModule")} ${plain};
listener.name.secured.scram-sha-256.sasl.jaas.config=${login("scram.ScramLoginModule")};
listener.name.secured.scram-sha-512.sasl.jaas.config=${login("scram.ScramLoginModule")};
listener.name.secured.oauthbearer.sasl.jaas.config=${login("oauthbearer.OAuthBearerLoginModule")};
listener.name.login.sasl.enabled.mechanisms=PLAIN
listener.name.login.plain.sasl.jaas.config=${login("plain.PlainLoginModule")} ${plain};
`,
  );
  const java = [instance.installed.java, ...smallHeap("128m", "384m"), "-cp", classPathOf(instance, "kafka")];
  const scram = Object.entries(passwords).flatMap(([user, password]) =>
    ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${user},password=${password}]`,
    ]),
  );
  const format = start(instance, "kafka-format", [
    ...java,
    "kafka.tools.StorageTool",
    "format",
    "--cluster-id=MkU3OEVBNTcwNTJENDM2Qk",
    "-c",
    properties,
    ...scram,
  ]);
  if ((await format.exited) !== 0)
    throw new Error(readFileSync(join(instance.folder, "logs", "kafka-format.log"), "utf8"));
  return start(instance, "kafka", [...java, "kafka.Kafka", properties], data);
}

const kafkaAnswers = (config: SecuredServers["asAdmin"]["KafkaConfig"]) =>
  until("the secured Kafka answers", async () => {
    const admin = openKafka(config, "test", openLog("test", "fatal"), 0).admin();
    try {
      await admin.connect();
      return (await admin.describeCluster()).brokers.length > 0;
    } finally {
      await admin.disconnect();
    }
  });

async function startCassandra(instance: Instance, file: (name: string) => string) {
  await cassandra.prepare?.(instance, new AbortController().signal);
  const data = dataFolder(instance, "cassandra");
  appendFileSync(
    join(data, "cassandra.yaml"),
    `
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
client_encryption_options:
  enabled: true
  optional: false
  ssl_context_factory: { class_name: org.apache.cassandra.security.PEMBasedSslContextFactory }
  keystore: ${file("server.pem")}
  truststore: ${file("ca.crt")}
`,
  );
  const [program] = cassandra.programs(instance);
  const [java = "", ...args] = program!.argv;
  const argv = [
    java,
    "-Dcassandra.superuser_setup_delay_ms=0",
    ...args.map((arg) => arg.replace(/^(-Xm[sx])1g$/, "$1512m")),
  ];
  return start(instance, "cassandra", argv, data);
}

/** `reader` may only read the schema. */
async function prepareRoles(config: SecuredServers["asAdmin"]["CassandraConfig"]) {
  const client = await until("the secured Cassandra answers", async () => {
    const trying = openCassandra(config, "test");
    try {
      await trying.execute("SELECT now() FROM system.local");
      return trying;
    } catch (error) {
      await trying.shutdown();
      throw error;
    }
  });
  for (const role of ["pipeline", "stranger"] as const)
    await client.execute(`CREATE ROLE ${role} WITH LOGIN = true AND PASSWORD = '${passwords[role]}'`, [], {
      prepare: false,
    });
  await client.execute("GRANT ALL PERMISSIONS ON ALL KEYSPACES TO pipeline", [], { prepare: false });
  await client.shutdown();
}

async function startPostgres(instance: Instance, file: (name: string) => string) {
  await postgres.prepare?.(instance, new AbortController().signal);
  const { hba_file, ssl_ca_file, ssl_cert_file, ssl_key_file } = accessSettings(instance);
  const copies = { [ssl_ca_file]: "ca.crt", [ssl_cert_file]: "server.crt", [ssl_key_file]: "server.key" };
  for (const [path, name] of Object.entries(copies)) writeFileSync(path, readFileSync(file(name)), { mode: 0o600 });
  writeFileSync(
    hba_file,
    "host all postgres all scram-sha-256\nhostssl all certified all cert\nhostssl all all all scram-sha-256\n",
  );
  for (const path of [hba_file, ...Object.keys(copies)]) letPostgresRead(path);
  const [program] = postgres.programs(instance);
  return start(instance, "postgres", program!.argv, program!.cwd);
}

async function preparePostgres(instance: Instance) {
  const sql = await until("the secured PostgreSQL answers", async () => {
    const trying = openPostgres(superuserUrl(instance, "postgres"), 1);
    return trying`SELECT 1`.then(
      () => trying,
      async (error: unknown) => {
        await trying.end({ timeout: 0 });
        throw error;
      },
    );
  });
  for (const role of ["pipeline", "stranger"] as const)
    await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${passwords[role]}'`);
  await sql.unsafe("CREATE ROLE certified LOGIN");
  await sql.unsafe("CREATE DATABASE users OWNER pipeline");
  await sql.end({ timeout: 1 });
}

/**
 * A secure connect bundle for the Cassandra: what Astra gives its users, with a service for metadata that knows the node, and
 * the node itself in place of the proxy.
 */
async function bundleOf(
  config: SecuredServers["asAdmin"]["CassandraConfig"],
  instance: Instance,
  file: (name: string) => string,
) {
  const client = openCassandra(config, "test");
  const { rows } = await client.execute("SELECT host_id FROM system.local");
  await client.shutdown();
  const contact_info = {
    type: "sni_proxy",
    local_dc: "datacenter1",
    contact_points: [String(rows[0]!.host_id)],
    sni_proxy_address: config.cassandra.contactPoints[0],
  };
  const tls = {
    cert: readFileSync(file("server.crt")),
    key: readFileSync(file("server.key")),
    ca: readFileSync(file("ca.crt")),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const metadata = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls,
    fetch: () => Response.json({ version: 1, region: "local", contact_info }),
  });
  const contents = {
    "ca.crt": readFileSync(file("ca.crt")),
    cert: readFileSync(file("client.crt")),
    key: readFileSync(file("client.key")),
    "config.json": JSON.stringify({ host: "127.0.0.1", port: metadata.port }),
  };
  mkdirSync(file("bundle"));
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(file("bundle"), name), content);
  const names = Object.keys(contents).map((name) => join(file("bundle"), name));
  const zipped = Bun.spawnSync([instance.installed.python, "-m", "zipfile", "-c", file("bundle.zip"), ...names]);
  if (zipped.exitCode !== 0) throw new Error(String(zipped.stderr));
  return metadata;
}

/** An issuer of tokens without a signature, as Kafka accepts in tests. */
function serveTokens() {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const login = `Basic ${btoa(`pipeline:${passwords.pipeline}`)}`;
      const body = new URLSearchParams(await request.text());
      if (request.headers.get("authorization") !== login || body.get("grant_type") !== "client_credentials")
        return Response.json({ error: "invalid_client" }, { status: 401 });
      const now = Math.floor(Date.now() / 1_000);
      const claims = {
        sub: "pipeline",
        iat: now,
        exp: now + 60,
        ...(body.has("scope") && { scope: body.get("scope") }),
      };
      return Response.json({ access_token: `${encoded({ alg: "none" })}.${encoded(claims)}.`, expires_in: 60 });
    },
  });
}

/** Fronts of the registry: with a login or a token, for clients with a certificate, with an expired one, and without TLS. */
function openFronts(registryUrl: string, file: (name: string) => string) {
  const target = new URL(registryUrl);
  const pass = async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const type = request.headers.get("content-type");
    const headers = { ...(type !== null && { "content-type": type }) };
    const body = request.method === "GET" ? null : await request.text();
    const {
      status,
      headers: answered,
      ...answer
    } = await fetch(`${target.origin}${pathname}${search}`, { method: request.method, headers, body }).then(
      async (response) => ({ status: response.status, headers: response.headers, text: await response.text() }),
    );
    return new Response(answer.text, { status, headers: { "content-type": answered.get("content-type") ?? "" } });
  };
  const allowed = [`Basic ${btoa(`pipeline:${passwords.pipeline}`)}`, "Bearer registry-token"];
  const authorized = (request: Request) =>
    allowed.includes(request.headers.get("authorization") ?? "") ? pass(request) : new Response("no", { status: 401 });
  const serve = (
    name: string | undefined,
    answer: (request: Request) => Response | Promise<Response>,
    more: object = {},
  ) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      ...(name !== undefined && {
        tls: { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)), ...more },
      }),
      fetch: answer,
    });
  const mutual = { ca: readFileSync(file("ca.crt")), requestCert: true, rejectUnauthorized: true };
  const servers = {
    login: serve("server", authorized),
    certificate: serve("server", pass, mutual),
    expired: serve("expired", authorized),
    plain: serve(undefined, authorized),
  };
  const urlOf = ({ url }: { url: URL }) => `${url.origin}${target.pathname}`;
  return {
    urls: {
      login: urlOf(servers.login),
      certificate: urlOf(servers.certificate),
      expired: urlOf(servers.expired),
      plain: urlOf(servers.plain),
    },
    close: () => Promise.all(Object.values(servers).map((server) => server.stop(true))),
  };
}

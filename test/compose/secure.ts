/** What docker-compose.secure.yml lets nobody do, each tried with the logins of a container. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { topic, valueSubject } from "../../contract/entity.ts";
import { httpAccess } from "../../runtime/http-access.ts";
import { openReader } from "../../runtime/kafka/reader.ts";
import { openKafka } from "../../runtime/kafka.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import { openLog } from "../../runtime/log.ts";
import { resolveConfig } from "../../sources/config.ts";
import { type ComposeProject, docker, isStandIn, projectName } from "./project.ts";
import { addressOf, dataSurvivesDown } from "./scenario.ts";

/** Programs have their own rights in Kafka and in the registry, and nobody gets in without TLS and a login. */
export async function onlyWhatIsNeeded(platform: ComposeProject): Promise<void> {
  const [api, consumer] = [await platform.copyAccess("api"), await platform.copyAccess("consumer")];
  const as = (principal: string, folder: string) =>
    openKafka(
      resolveConfig("", {
        KAFKA_BROKERS: `localhost:${platform.env.KAFKA_PORT}`,
        KAFKA_TLS: "true",
        KAFKA_CA_FILE: join(folder, "ca.crt"),
        KAFKA_SASL_MECHANISM: "plain",
        KAFKA_SASL_USERNAME: principal,
        KAFKA_SASL_PASSWORD: readFileSync(join(folder, "kafka"), "utf8"),
      }),
      "test-compose",
      openLog("test-compose", "fatal"),
      1,
    );
  await isRefused("the API reads a topic", /does not allow User:api/, async () => {
    const reader = await openReader(as("api", api));
    const range = { topic, partition: 0, from: 0n, to: 1n, text: "", maxBytes: 1_000_000 };
    await reader.search(range).finally(() => reader.close());
  });
  await isRefused("the consumer creates a topic", /does not allow User:consumer/, async () => {
    const admin = as("consumer", consumer).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: "another", numPartitions: 1 }] }).finally(admin.disconnect);
  });
  await isRefused("a wrong password opens Kafka", /refuses the login|SASL/, async () => {
    const admin = as("admin", api).admin();
    await admin.connect().finally(admin.disconnect);
  });
  await registryHasReaders(platform, consumer);

  await isRefused("PostgreSQL takes a login without TLS", /pg_hba.conf/, () =>
    platform.compose(
      ...["exec", "--no-TTY", "postgres", "bash", "-c"],
      'PGPASSWORD=$USERS_DB_PASSWORD psql "host=127.0.0.1 user=users dbname=users sslmode=disable" --command "SELECT 1"',
    ),
  );
  await isRefused(
    "Cassandra takes the first superuser's login",
    /AuthenticationFailed|Failed authentication|may not|not permitted to log in/,
    () =>
      platform.compose(
        ...["exec", "--no-TTY", "--env", "SSL_CERTFILE=/run/access/ca.crt", "--env", "SSL_VALIDATE=false", "cassandra"],
        ...["cqlsh", "--ssl", "-u", "cassandra", "-p", "cassandra", "-e", "SELECT now() FROM system.local"],
      ),
  );
  const url = addressOf(platform, "API_PORT");
  const caFile = join(api, "ca.crt");
  const { status } = await fetch(`${url}/count`, { tls: httpAccess({ caFile }).tls! });
  if (status !== 401) throw new Error(`the API answers ${status} without a token`);
  await isRefused("Kafka Connect answers without the operator's certificate", /./, () =>
    fetch(addressOf(platform, "CONNECT_PORT"), { tls: httpAccess({ caFile }).tls! }),
  );
  await isRefused("the API answers over HTTP", /./, () => fetch(url.replace("https:", "http:")));
}

/** The registry asks for a login, and the consumer's may only read. */
async function registryHasReaders(platform: ComposeProject, consumer: string) {
  const subject = `${addressOf(platform, "SCHEMA_REGISTRY_PORT")}/subjects/${valueSubject(topic)}`;
  const login = { username: "consumer", password: readFileSync(join(consumer, "registry"), "utf8") };
  const statusOf = async (method: string, path: string, access: Parameters<typeof httpAccess>[0]) => {
    const { headers, tls } = httpAccess({ caFile: join(consumer, "ca.crt"), ...access });
    const body = method === "POST" ? { body: JSON.stringify({ schema: '"string"' }) } : {};
    return (await fetch(subject + path, { method, headers, ...body, tls: tls! })).status;
  };
  const found = {
    anonymous: await statusOf("GET", "/versions", {}),
    read: await statusOf("GET", "/versions", login),
    register: await statusOf("POST", "/versions", login),
    remove: await statusOf("DELETE", "", login),
  };
  if (!Bun.deepEquals(found, { anonymous: 401, read: 200, register: 403, remove: 403 }))
    throw new Error(`the registry answers ${JSON.stringify(found)}`);
}

/** @throws if the action succeeds, or fails for another reason */
async function isRefused(what: string, because: RegExp, action: () => Promise<unknown>): Promise<void> {
  const outcome = await action().then(() => "allowed", messageOf);
  if (outcome === "allowed" || !because.test(outcome)) throw new Error(`${what}: ${outcome}`);
}

/** No password is in a log, in the configuration of a container, or in an argument. */
export async function passwordsStaySecret(platform: ComposeProject): Promise<void> {
  const folders = await Promise.all(
    ["api", "consumer", "console"].map(async (name) => join(platform.access!, "..", name)),
  );
  const passwords = folders.flatMap((folder) =>
    ["kafka", "cassandra", "registry"].map((file) => readFileSync(join(folder, file), "utf8")),
  );
  const connect = await connectLogin(platform);
  const names = (await docker("ps", "--quiet", "--filter", `label=com.docker.compose.project=${projectName}`)).trim();
  const shown = [
    await platform.compose("logs", "--no-color"),
    await docker("inspect", ...names.split("\n")),
    ...(await Promise.all(names.split("\n").map((name) => docker("top", name, "-eo", "pid,args")))),
  ].join("\n");
  for (const password of passwords)
    if (shown.includes(password)) throw new Error("a password is in a log or a configuration");
  // The stand-in logs all settings; the official image hides those that SENSITIVE_PROPERTIES names.
  if (!(await isStandIn("quay.io/debezium/connect:3.7")) && shown.includes(connect))
    throw new Error("Kafka Connect's password is in its log or its configuration");
}

async function connectLogin(platform: ComposeProject): Promise<string> {
  const login = await platform.compose("exec", "--no-TTY", "connect", "cat", "/certificate/login");
  const [, password = ""] = /password="([^"]+)"/.exec(login) ?? [];
  if (password === "") throw new Error("Kafka Connect has no login");
  return password;
}

/** The authority and the logins stay, so that copies of them go on working. */
export async function secureSurvivesDown(platform: ComposeProject, edited: string): Promise<void> {
  const authority = () => readFileSync(join(platform.access!, "ca.crt"), "utf8");
  const before = authority();
  await dataSurvivesDown(platform, edited);
  await platform.copyAccess("console");
  if (authority() !== before) throw new Error("there is another authority");
}

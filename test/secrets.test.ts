/** No secret from the settings is in a log, an error or a response, whatever the services answer. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import net from "node:net";
import { createTopics } from "../runtime/kafka/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { freePort } from "./support/free-port.ts";
import { namesOf } from "./support/names.ts";
import { type StartedProgram, startProgram } from "./support/program.ts";

const tasks = ["fetch", "format", "backup", "produce"];
const secrets: string[] = [];
const plant = (setting: string) => {
  const secret = `planted-${setting}-${crypto.randomUUID()}`;
  secrets.push(secret, encodeURIComponent(secret));
  return secret;
};
const basicOf = (login: string, password: string) => Buffer.from(`${login}:${password}`).toString("base64");

/** Every setting that can contain a secret, with one planted, and the services at `address`. */
function planted(address: string) {
  const registryPassword = plant("registry");
  const sourcePassword = plant("source");
  secrets.push(basicOf("registrar", registryPassword), basicOf("reader", sourcePassword));
  return {
    API_TOKEN: plant("token"),
    API_TOKENS: `rachel:${plant("rachels-token")}`,
    CASSANDRA_CONTACT_POINTS: address,
    CASSANDRA_USERNAME: "cassandra",
    CASSANDRA_PASSWORD: plant("cassandra"),
    KAFKA_BROKERS: address,
    POSTGRES_URL: `postgres://users:${plant("postgres")}@${address}/users?sslpassword=${plant("postgres-query")}`,
    SCHEMA_REGISTRY_URL: `http://registrar:${registryPassword}@${address}/apis?key=${plant("registry-query")}#${plant("registry-fragment")}`,
    RANDOMUSER_URL: `http://reader:${sourcePassword}@${address}/api/1.4/?key=${plant("source-query")}`,
    DUMMYJSON_URL: `http://reader:${plant("dummyjson")}@${address}/users?key=${plant("dummyjson-query")}`,
    FETCH_ATTEMPTS: "2",
    FETCH_TIMEOUT_MS: "2000",
  };
}

function expectNoSecret(where: string, text: string) {
  expect(text.length).toBeGreaterThan(0);
  const lines = text.split("\n").filter((line) => secrets.some((secret) => line.includes(secret)));
  expect({ where, lines }).toEqual({ where, lines: [] });
}

/** A server that answers every request with `answer` and closes the connection. */
function answering(answer: string): Promise<{ address: string; close: () => void }> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {}).on("data", () => socket.end(answer));
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      resolve({ address: `127.0.0.1:${port}`, close: () => server.close() });
    }),
  );
}

const http = (status: string, body: string, headers = "") =>
  `HTTP/1.1 ${status}\r\nConnection: close\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

const started: StartedProgram[] = [];
const start = (file: string, args: string[], env: Record<string, string>) => {
  const program = startProgram(file, args, env);
  started.push(program);
  return program;
};
afterAll(() => {
  for (const program of started) program.signal("SIGKILL");
});

const { env: real } = namesOf(import.meta.path);

const services = [
  { what: "are down", answer: undefined },
  { what: "refuse access", answer: http("401 Unauthorized", "no", 'WWW-Authenticate: Basic realm="x"\r\n') },
  {
    what: "answer something else",
    answer: http("200 OK", '{"error": "this is no service", "results": [], "users": 1}'),
  },
];
interface Answered {
  env: Record<string, string>;
  runs: { task: string; program: StartedProgram }[];
  close: () => void;
}
const answered = new Map<string, Answered>();

// The tasks of all three begin together, since some retry for half a minute.
beforeAll(async () => {
  for (const { what, answer } of services) {
    const server = answer === undefined ? undefined : await answering(answer);
    const env = { ...real, ...planted(server?.address ?? `127.0.0.1:${freePort()}`) };
    const runs = [
      ...tasks.map((task) => ({ task, program: start("tasks/main.ts", [task], env) })),
      {
        task: "fetch from dummyjson",
        program: start("tasks/main.ts", ["fetch"], { ...env, USERS_SOURCE: "dummyjson" }),
      },
      // With a registry that answers, produce gets as far as Kafka.
      {
        task: "produce to Kafka",
        program: start("tasks/main.ts", ["produce"], { ...env, SCHEMA_REGISTRY_URL: real.SCHEMA_REGISTRY_URL! }),
      },
    ];
    answered.set(what, { env, runs, close: server?.close ?? (() => {}) });
  }
});
afterAll(() => {
  for (const { close } of answered.values()) close();
});

test.each(services)(
  "services that $what cause no secret to be logged by the consumer and the API",
  async ({ what }) => {
    const { env } = answered.get(what)!;
    const ports = { API_PORT: String(freePort()), CONSUMER_PORT: String(freePort()) };
    const api = start("api/main.ts", [], { ...env, ...ports });
    const consumer = start("consumer/main.ts", [], { ...env, ...ports });
    // Some answers end a program, others are retried.
    const hasLoggedWhy = async (program: StartedProgram) => /retrying|failed/.test(await program.output());
    await until(
      "both have logged why they cannot work",
      async () => (await hasLoggedWhy(api)) && (await hasLoggedWhy(consumer)),
    );
    for (const [port, path] of [
      [ports.API_PORT, "/readyz"],
      [ports.API_PORT, "/users?cursor=x"],
      [ports.API_PORT, "/metrics"],
      [ports.API_PORT, "/delete-user/c7a41086-06e3-4bfe-9c40-4e9da2df42c8"],
      [ports.CONSUMER_PORT, "/readyz"],
      [ports.CONSUMER_PORT, "/metrics"],
    ] as const) {
      const answered = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: path.startsWith("/delete") ? "DELETE" : "GET",
        headers: { Authorization: "Bearer wrong" },
      }).catch(() => undefined);
      if (answered) expectNoSecret(path, (await answered.text()) || "nothing");
    }
    for (const program of [api, consumer]) program.signal("SIGTERM");
    for (const program of [api, consumer]) {
      await program.exited;
      expectNoSecret("the log", await program.output());
    }
  },
);

test("a registry that refuses the consumer causes no secret to be logged", async () => {
  const registry = await answering(http("401 Unauthorized", "no"));
  const names = namesOf(import.meta.path);
  const kafka = openKafka(names.config, "secrets-test", openLog("secrets-test", "error"));
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  try {
    await Promise.all([admin.connect(), producer.connect()]);
    await createTopics(admin, names.config);
    await producer.send({ topic: names.topic, messages: [{ value: Buffer.from([0, 0, 0, 0, 7, 1]) }] });
    const { SCHEMA_REGISTRY_URL } = planted(registry.address);
    const env = { ...names.env, SCHEMA_REGISTRY_URL, CONSUMER_PORT: String(freePort()) };
    const consumer = start("consumer/main.ts", [], env);
    await until("it has logged why it cannot continue", async () =>
      (await consumer.output()).includes("Schema Registry at"),
    );
    const readyz = await fetch(`http://127.0.0.1:${env.CONSUMER_PORT}/readyz`).catch(() => undefined);
    if (readyz) expectNoSecret("/readyz", await readyz.text());
    consumer.signal("SIGTERM");
    await consumer.exited;
    expectNoSecret("the log", await consumer.output());
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
    registry.close();
  }
});

test("a wrong password is not repeated in the error", async () => {
  const url = new URL(real.POSTGRES_URL!);
  url.password = plant("wrong-password");
  const backup = start("tasks/main.ts", ["backup"], { ...real, POSTGRES_URL: url.href });
  expect(await backup.exited).toBe(2);
  expect(await backup.output()).toContain("POSTGRES_URL");
  expectNoSecret("backup", await backup.output());
});

test("an invalid setting is named without its value", async () => {
  const wrong = {
    API_TOKEN: `${plant("token")}\n`,
    API_TOKENS: `${plant("swapped")}:rachel`,
    SCHEMA_REGISTRY_URL: `http://registrar:${plant("registry")}@127.0.0.1:99999`,
    POSTGRES_URL: `postgres://users:${plant("postgres")}#1@127.0.0.1/users`,
    RANDOMUSER_URL: `reader:${plant("source")}@127.0.0.1`,
    KAFKA_BROKERS: `login:${plant("kafka")}@127.0.0.1:9092`,
    CASSANDRA_CONTACT_POINTS: `login:${plant("cassandra")}@127.0.0.1:9042`,
  };
  const program = start("api/main.ts", [], { ...real, ...wrong });
  expect(await program.exited).toBe(2);
  const output = await program.output();
  for (const name of Object.keys(wrong)) expect(output).toContain(name);
  expectNoSecret("the log", output);
});

test.each([
  ["a line break", "a-token-that-is-long-enough\n"],
  ["a trailing space", "a-token-that-is-long-enough "],
  ["an inner space", "a token that is long enough"],
  ["a control character", "a-token-that-is-long\u0001enough"],
  ["a letter beyond ASCII", "a-töken-that-is-long-enough"],
  ["a letter beyond Latin-1", "a-tokeń-that-is-long-enough"],
])("a token with %s, which a header cannot contain, is refused at start-up", async (_, token) => {
  const api = start("api/main.ts", [], { ...real, API_TOKEN: token });
  expect(await api.exited).toBe(2);
  expect(await api.output()).toContain("API_TOKEN");
});

test("a login and password in the URL of the registry or a source are sent as basic authentication", async () => {
  const asked: (string | null)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ headers }) => {
      asked.push(headers.get("authorization"));
      return Response.json({ schema: '"string"' });
    },
  });
  try {
    const [password, login] = ["pässword/with:signs", "registrar"];
    const address = `http://${login}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;
    expect(await openRegistry({ url: `${address}/apis` }).schemaOf(7)).toEqual({ schema: '"string"', references: [] });
    const task = start("tasks/main.ts", ["fetch"], { ...real, RANDOMUSER_URL: `${address}/api/1.4/` });
    await task.exited;
    expect(asked).toEqual(Array(2).fill(`Basic ${basicOf(login, password)}`));
  } finally {
    await server.stop(true);
  }
});

test.each(services)("services that $what cause no secret to be logged by the tasks", async ({ what }) => {
  for (const { task, program } of answered.get(what)!.runs) {
    const code = await program.exited;
    expect([task, code > 0]).toEqual([task, task !== "format"]);
    expectNoSecret(task, await program.output());
  }
});

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../runtime/config.ts";
import { Settings } from "../runtime/settings.ts";
import { sources } from "./catalogue.ts";
import { allSettings, configuredSource, loadConfig, resolveConfig, salvageConfig, sourceAddress } from "./config.ts";
import * as all from "./generated.ts";

const yaml = readFileSync(join(import.meta.dir, "../config.yaml"), "utf8");
/** The file with the settings that it comments out. */
const complete = yaml.replace(/^( *)# ([a-z]\w*: )/gm, "$1$2");
const leavesOf = (value: unknown, path: string[] = []): [string, unknown][] =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, child]) => leavesOf(child, [...path, key]))
    : [[path.join("."), value]];
const faultsOf = (text: string, env: Record<string, string> = {}) => {
  try {
    resolveConfig(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

test("config.yaml names every setting, in the order of the schema, with its variable", () => {
  const settings = allSettings;
  expect(leavesOf(Bun.YAML.parse(complete)).map(([path]) => path)).toEqual(settings.map(({ path }) => path.join(".")));
  for (const { env, description } of settings) expect(yaml).toContain(`# ${description} [${env}]\n`);
});

test("config.yaml holds the defaults, and what it shows commented out is valid too", () => {
  const defaults = allSettings.filter((setting) => setting.default !== undefined);
  const live = leavesOf(Bun.YAML.parse(yaml)).filter(([, value]) => value !== null);
  expect(live).toEqual(defaults.map((setting) => [setting.path.join("."), setting.default]));
  expect(resolveConfig(yaml, {})).toEqual(resolveConfig("", {}));
  const shown = new Map(leavesOf(Bun.YAML.parse(complete)));
  const isWrong = ({ path, schema }: (typeof allSettings)[number]) =>
    !schema.safeParse(shown.get(path.join("."))).success;
  expect(allSettings.filter(isWrong).map(({ env }) => env)).toEqual([]);
});

test("the environment overrides the file, the file the default", () => {
  const config = resolveConfig("fetch: { attempts: 7 }\nlog: { level: debug }", { LOG_LEVEL: "error" });
  expect([config.fetch.attempts, config.log.level, config.fetch.timeoutMs]).toEqual([7, "error", 20_000]);
});

test("a moved port moves what talks to it, and an address that is given stays", () => {
  const config = resolveConfig("", { KAFKA_PORT: "19092", POSTGRES_URL: "postgres://u@db/users" });
  const { kafka, postgres } = config;
  expect(kafka.brokers).toEqual(["127.0.0.1:19092"]);
  expect(sourceAddress(config)).toBe("http://127.0.0.1:3001/api/1.4/");
  expect(postgres.url).toBe("postgres://u@db/users");
});

test("PORT_OFFSET moves every port and what talks to it, but for a port that its own variable sets", () => {
  const before = resolveConfig("", {}).ports;
  const config = resolveConfig("", { PORT_OFFSET: "100", KAFKA_PORT: "9092" });
  const { ports, kafka, postgres } = config;
  for (const [key, port] of Object.entries(before))
    expect([key, ports[key as keyof typeof ports]]).toEqual([key, key === "kafka" ? 9092 : port + 100]);
  expect(kafka.brokers).toEqual(["127.0.0.1:9092"]);
  expect(new URL(postgres.url).port).toBe("5532");
  expect(sourceAddress(config)).toBe("http://127.0.0.1:3101/api/1.4/");
  expect(resolveConfig("portOffset: 100\nports: { api: 6000 }", {}).ports.api).toBe(6_100);
});

test("an offset that leaves no port is refused with the ports that it would move too far", () => {
  expect(faultsOf("ports: { api: 65000 }", { PORT_OFFSET: "1000" })).toEqual([
    "ports.api: PORT_OFFSET moves it to 66000; lower that, or set API_PORT",
  ]);
});

test("a key without a value is left out", () => {
  expect(resolveConfig("randomuser:\nfetch:\n  attempts:\n", {})).toEqual(resolveConfig("", {}));
});

test("everything that is wrong is listed at once, with the key and the variable that fixes it", () => {
  expect(
    faultsOf("fetch: { attempts: never }\nports: { api: 70000 }\ncolour: red", { POSTGRES_URL: "nonsense" }),
  ).toEqual([
    "fetch.attempts: Invalid input: expected number, received NaN; set it in config.yaml or by FETCH_ATTEMPTS",
    "postgres.url: must be a postgres:// URL; set it in config.yaml or by POSTGRES_URL",
    "ports.api: Too big: expected number to be <=65535; set it in config.yaml or by API_PORT",
    '(top level): Unrecognized key: "colour"; correct it in config.yaml, or remove it',
  ]);
});

test("a misspelt setting of a source, an unknown source and a file that is not YAML are refused", () => {
  expect(faultsOf("dummyjson: { adress: https://dummyjson.com/users }")).toEqual([
    'dummyjson: Unrecognized key: "adress"; correct it in config.yaml, or remove it',
  ]);
  expect(faultsOf("", { USERS_SOURCE: "myspace" })).toEqual([
    `source: must be one of: ${[...sources.keys()].join(", ")}; if its file is new in sources/, run \`bun run contract\`; set it in config.yaml or by USERS_SOURCE`,
  ]);
  expect(faultsOf("source: [")).toEqual([expect.stringContaining("config.yaml is not valid YAML: ")]);
  expect(faultsOf("- source")).toEqual(["config.yaml must contain settings, `key: value`"]);
  expect(faultsOf("fetch: 3", { FETCH_ATTEMPTS: "2" })).toHaveLength(1);
});

const overridden = (text: string, env: Record<string, string>) =>
  resolveConfig(text, env).overridden.map(({ key, env: name }) => `${key} ${name}`);

test("values in the file that a variable overrides are known, for `source` and every other setting", () => {
  expect(overridden("source: randomuser", { USERS_SOURCE: "dummyjson", LOG_LEVEL: "debug" })).toEqual([
    "source USERS_SOURCE",
  ]);
  expect(overridden("kafka: { brokers: ['a:1'] }", { KAFKA_BROKERS: "b:2" })).toEqual(["kafka.brokers KAFKA_BROKERS"]);
  expect(overridden("cdc: { apply: no-bool }", { CDC_APPLY: "true" })).toEqual(["cdc.apply CDC_APPLY"]);
});

test("a variable that is empty, or that says the same as the file, overrides nothing", () => {
  expect(overridden("source: dummyjson", { USERS_SOURCE: "" })).toEqual([]);
  expect(resolveConfig("source: dummyjson", { USERS_SOURCE: "" }).source).toBe("dummyjson");
  const file = "kafka: { brokers: [a:1, b:2] }\nfetch: { attempts: 5 }\ncdc: { apply: false }";
  expect(overridden(file, { KAFKA_BROKERS: "a:1, b:2", FETCH_ATTEMPTS: "5", CDC_APPLY: "no" })).toEqual([]);
});

test("a port that was moved by the offset is the file's own, and one that its variable sets is not", () => {
  const file = "portOffset: 0\nports: { api: 5000, kafka: 9092 }";
  expect(overridden(file, { PORT_OFFSET: "100", API_PORT: "5100", KAFKA_PORT: "9092" })).toEqual([
    "portOffset PORT_OFFSET",
    "ports.kafka KAFKA_PORT",
  ]);
});

test("no two settings have the same variable, and no secret has a default", () => {
  const variables = allSettings.map(({ env }) => env);
  expect(new Set(variables).size).toBe(variables.length);
  expect(allSettings.filter((setting) => setting.secret && setting.default !== undefined)).toEqual([]);
});

test("each source has a name of its own, which is not that of other settings", () => {
  expect([...sources.keys()].sort()).toEqual(
    Object.values(all)
      .map(({ name }) => name)
      .sort(),
  );
  expect([...sources.keys()].filter((name) => name in Settings.shape || name === "source")).toEqual([]);
});

test.each([...sources])("the source %s has a description, valid settings and a request without setting any", (name) => {
  const source = configuredSource(resolveConfig(`source: ${name}`, {}));
  expect(source).toMatchObject({ name, description: expect.stringMatching(/\w/) });
  const { url, method } = source.requestFor({ users: 1, page: 1, seed: "s", nationalities: [] });
  expect([new URL(url).protocol, method]).toEqual([expect.stringMatching(/^https?:$/), expect.any(String)]);
});

test("what is right of a wrong configuration can be had, with every fault", () => {
  const folder = mkdtempSync(join(tmpdir(), "salvage-"));
  const file = join(folder, "mine.yaml");
  const salvage = (text: string, env: Record<string, string> = {}) => {
    writeFileSync(file, text);
    return salvageConfig({ CONFIG_FILE: file, ...env });
  };
  try {
    const { config, faults } = salvage("kafka: {topic: orders, partitions: many}\nports: 7\ntypo: 1\n", {
      PORT_OFFSET: "100",
      API_TOKEN: "short",
      LOG_LEVEL: "debug",
    });
    expect(faults.map((fault) => fault.split(":")[0])).toEqual([
      "kafka.partitions",
      "api.token",
      "ports",
      "(top level)",
    ]);
    expect(config.kafka).toMatchObject({ topic: "orders", partitions: 4, brokers: ["127.0.0.1:9192"] });
    expect(config.log.level).toBe("debug");
    expect(config.api.token).toBeUndefined();

    expect(salvage("kafka: [").config.kafka).toEqual(resolveConfig("", {}).kafka);
    expect(salvage("kafka: [").faults).toEqual([expect.stringContaining("is not valid YAML")]);
    expect(salvage("kafka: {topic: orders}", { PORT_OFFSET: "65000" })).toMatchObject({ config: { portOffset: 0 } });
    expect(salvage("kafka: {topic: orders}").faults).toEqual([]);
    const missing = salvageConfig({ CONFIG_FILE: join(folder, "none.yaml"), KAFKA_TOPIC: "orders" });
    expect(missing.faults).toEqual([`CONFIG_FILE names ${join(folder, "none.yaml")}, which does not exist`]);
    expect(missing.config.kafka.topic).toBe("orders");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [
    "kafka: { keyFile: key.pem, tls: true }",
    "kafka.keyFile: needs kafka.certificateFile; set that in config.yaml or by KAFKA_CERTIFICATE_FILE",
  ],
  [
    "kafka: { caFile: ca.pem }",
    "kafka.caFile: has no effect while kafka.tls is false; set that in config.yaml or by KAFKA_TLS",
  ],
  [
    "kafka: { saslMechanism: scram-sha-256, saslUsername: tasks }",
    "kafka.saslMechanism: scram-sha-256 needs kafka.saslPassword; set that in config.yaml or by KAFKA_SASL_PASSWORD",
  ],
  [
    "kafka: { saslUsername: tasks, saslPassword: secret }",
    "kafka.saslUsername: has no effect while kafka.saslMechanism is none; set that in config.yaml or by KAFKA_SASL_MECHANISM",
    "kafka.saslPassword: has no effect while kafka.saslMechanism is none; set that in config.yaml or by KAFKA_SASL_MECHANISM",
  ],
  [
    "kafka: { saslMechanism: oauthbearer, oauthTokenUrl: 'https://a/b', oauthClientId: c }",
    "kafka.saslMechanism: oauthbearer needs kafka.oauthClientSecret; set that in config.yaml or by KAFKA_OAUTH_CLIENT_SECRET",
  ],
  [
    "kafka: { saslMechanism: md5 }",
    "kafka.saslMechanism: must be one of: none, plain, scram-sha-256, scram-sha-512, oauthbearer; set it in config.yaml or by KAFKA_SASL_MECHANISM",
  ],
  [
    "schemaRegistry: { username: u, password: p, token: t }",
    "schemaRegistry.token: cannot be used together with schemaRegistry.username; remove it from config.yaml or SCHEMA_REGISTRY_TOKEN",
  ],
  [
    "schemaRegistry: { url: 'https://u:p@registry', token: t }",
    "schemaRegistry.token: cannot be used together with the login in schemaRegistry.url; remove it from config.yaml or SCHEMA_REGISTRY_TOKEN",
  ],
  [
    "schemaRegistry: { username: u }",
    "schemaRegistry.username: needs schemaRegistry.password; set that in config.yaml or by SCHEMA_REGISTRY_PASSWORD",
  ],
  [
    "postgres: { caFile: ca.pem }",
    "postgres.caFile: has no effect while postgres.sslmode is disable; set that in config.yaml or by POSTGRES_SSLMODE",
  ],
  [
    "postgres: { url: 'postgres://u@db/users?sslmode=require', caFile: ca.pem }",
    "postgres.caFile: has no effect while postgres.sslmode is require; set that in config.yaml or by POSTGRES_SSLMODE",
  ],
  [
    "postgres: { url: 'postgres://u@db/users?sslmode=allow' }",
    "postgres.url: has sslmode=allow, which is none of disable, prefer, require, verify-ca, verify-full; set that in config.yaml or by POSTGRES_SSLMODE",
  ],
  [
    "cassandra: { password: p }",
    "cassandra.password: needs cassandra.username; set that in config.yaml or by CASSANDRA_USERNAME",
  ],
  [
    "cassandra: { caFile: ca.pem }",
    "cassandra.caFile: has no effect while cassandra.tls is false; set that in config.yaml or by CASSANDRA_TLS",
  ],
  [
    "cassandra: { secureConnectBundle: b.zip, contactPoints: [node1] }",
    "cassandra.contactPoints: cannot be used together with cassandra.secureConnectBundle, which has its own; remove it from config.yaml or CASSANDRA_CONTACT_POINTS",
  ],
  [
    "connect: { password: p }",
    "connect.password: needs connect.username; set that in config.yaml or by CONNECT_USERNAME",
  ],
  [
    "api: { certificateFile: c.pem }",
    "api.certificateFile: needs api.keyFile; set that in config.yaml or by API_KEY_FILE",
  ],
] as [string, ...string[]][])(
  "what cannot be used together is refused: %s",
  (...[text, ...faults]: [string, ...string[]]) => {
    expect(faultsOf(text)).toEqual(faults);
  },
);

test("a variable that turns TLS or a login off makes what the file has for it ineffective, as the native stack needs", () => {
  const own = `
kafka: { tls: true, caFile: ca.pem, saslMechanism: plain, saslUsername: u, saslPassword: p }
postgres: { sslmode: verify-full, caFile: ca.pem }
cassandra: { secureConnectBundle: bundle.zip }`;
  const variables = {
    KAFKA_TLS: "false",
    KAFKA_SASL_MECHANISM: "none",
    POSTGRES_SSLMODE: "disable",
    CASSANDRA_CONTACT_POINTS: "127.0.0.1:9042",
  };
  const { kafka, postgres, cassandra } = resolveConfig(own, variables);
  expect([kafka.tls, kafka.saslMechanism, postgres.sslmode]).toEqual([false, "none", "disable"]);
  expect(cassandra.secureConnectBundle).toBeUndefined();
});

test("the sslmode is that of the setting, of the URL, or disable", () => {
  const modeOf = (text: string) => resolveConfig(text, {}).postgres.sslmode;
  const url = "url: 'postgres://u@db/users?sslmode=require'";
  expect([modeOf(""), modeOf(`postgres: { ${url} }`), modeOf(`postgres: { ${url}, sslmode: verify-full }`)]).toEqual([
    "disable",
    "require",
    "verify-full",
  ]);
});

test("a secret can be in a file, and a file of the configuration is relative to its folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "secret-files-"));
  const path = (name: string) => join(folder, name);
  const load = (env: Record<string, string>) => loadConfig({ CONFIG_FILE: path("config.yaml"), ...env });
  const faultsWith = (env: Record<string, string>) => {
    try {
      load(env);
    } catch (error) {
      return (error as ConfigError).faults;
    }
    return [];
  };
  try {
    writeFileSync(path("config.yaml"), "cassandra: { secureConnectBundle: certificates/bundle.zip }\n");
    mkdirSync(path("certificates"));
    expect(faultsWith({})).toEqual([
      `cassandra.secureConnectBundle: names ${path("certificates/bundle.zip")}, which does not exist; set it in ${path("config.yaml")} or by CASSANDRA_SECURE_CONNECT_BUNDLE`,
    ]);
    writeFileSync(path("certificates/bundle.zip"), "");
    expect(load({}).cassandra.secureConnectBundle).toBe(path("certificates/bundle.zip"));
    expect(faultsWith({ KAFKA_TLS: "true", KAFKA_CA_FILE: path("certificates/bundle.zip") })).toEqual([
      `kafka.caFile: names ${path("certificates/bundle.zip")}, which has no certificate in PEM; set it in ${path("config.yaml")} or by KAFKA_CA_FILE`,
    ]);

    writeFileSync(path("token"), "0123456789abcdef\n");
    expect(load({ API_TOKEN_FILE: path("token") }).api.token).toBe("0123456789abcdef");
    writeFileSync(path("password"), "with spaces \r\n");
    const login = {
      KAFKA_SASL_MECHANISM: "plain",
      KAFKA_SASL_USERNAME: "u",
      KAFKA_SASL_PASSWORD_FILE: path("password"),
    };
    expect(load(login).kafka.saslPassword).toBe("with spaces ");

    writeFileSync(path("empty"), "\n");
    const wrong = {
      API_TOKEN: "0123456789abcdef",
      API_TOKEN_FILE: path("token"),
      CASSANDRA_PASSWORD_FILE: path("none"),
      CONNECT_PASSWORD_FILE: folder,
      CONSOLE_TOKEN_FILE: path("empty"),
    };
    expect(faultsWith(wrong)).toEqual([
      `cassandra.password: CASSANDRA_PASSWORD_FILE names ${path("none")}, which does not exist`,
      `connect.password: CONNECT_PASSWORD_FILE names ${folder}, which is not a file`,
      "api.token: API_TOKEN and API_TOKEN_FILE are both set; remove one of them",
      `console.token: CONSOLE_TOKEN_FILE names ${path("empty")}, which is empty; write the value into it`,
    ]);
    const salvaged = salvageConfig({ CONFIG_FILE: path("config.yaml"), LOG_LEVEL: "debug", ...wrong });
    expect(salvaged.faults).toHaveLength(4);
    expect(salvaged.config).toMatchObject({
      log: { level: "debug" },
      cassandra: { secureConnectBundle: path("certificates/bundle.zip") },
      api: { token: wrong.API_TOKEN },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a secret's file that this account cannot read is a fault", () => {
  const folder = mkdtempSync(join(tmpdir(), "secret-files-"));
  // root may read every file: as root, the settings are loaded with the rights of an account without any.
  const isRoot = process.geteuid?.() === 0;
  try {
    chmodSync(folder, 0o755);
    const file = join(folder, "token");
    writeFileSync(file, "0123456789abcdef");
    chmodSync(file, 0o000);
    if (isRoot) process.seteuid?.(65534);
    expect(() => loadConfig({ API_TOKEN_FILE: file })).toThrow("which this account cannot read");
  } finally {
    if (isRoot) process.seteuid?.(0);
    rmSync(folder, { recursive: true });
  }
});

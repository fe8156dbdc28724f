import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, resolveConfig } from "./config.ts";
import { listSettings } from "./settings.ts";

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
  const settings = listSettings();
  expect(leavesOf(Bun.YAML.parse(complete)).map(([path]) => path)).toEqual(settings.map(({ path }) => path.join(".")));
  for (const { env, description } of settings) expect(yaml).toContain(`# ${description} [${env}]\n`);
});

test("config.yaml holds the defaults, and what it shows commented out is valid too", () => {
  const defaults = listSettings().filter((setting) => setting.default !== undefined);
  const live = leavesOf(Bun.YAML.parse(yaml)).filter(([, value]) => value !== null);
  expect(live).toEqual(defaults.map((setting) => [setting.path.join("."), setting.default]));
  expect(resolveConfig(yaml, {})).toEqual(resolveConfig("", {}));
  expect(faultsOf(complete)).toEqual([]);
});

test("the environment overrides the file, the file the default", () => {
  const config = resolveConfig("fetch: { attempts: 7 }\nlog: { level: debug }", { LOG_LEVEL: "error" });
  expect([config.fetch.attempts, config.log.level, config.fetch.timeoutMs]).toEqual([7, "error", 20_000]);
});

test("a moved port moves what talks to it, and an address that is given stays", () => {
  const { kafka, randomuser, postgres } = resolveConfig("", {
    KAFKA_PORT: "19092",
    POSTGRES_URL: "postgres://u@db/users",
  });
  expect(kafka.brokers).toEqual(["127.0.0.1:19092"]);
  expect(randomuser.url).toBe("http://127.0.0.1:3001/api/1.4/");
  expect(postgres.url).toBe("postgres://u@db/users");
});

test("PORT_OFFSET moves every port and what talks to it, but for a port that its own variable sets", () => {
  const before = resolveConfig("", {}).ports;
  const { ports, kafka, postgres } = resolveConfig("", { PORT_OFFSET: "100", KAFKA_PORT: "9092" });
  for (const [key, port] of Object.entries(before))
    expect([key, ports[key as keyof typeof ports]]).toEqual([key, key === "kafka" ? 9092 : port + 100]);
  expect(kafka.brokers).toEqual(["127.0.0.1:9092"]);
  expect(new URL(postgres.url).port).toBe("5532");
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
    '(top level): Unrecognized key: "colour"; set it in config.yaml',
  ]);
});

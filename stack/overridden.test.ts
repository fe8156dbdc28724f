import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sources } from "../sources/catalogue.ts";
import { loadConfig } from "../sources/config.ts";
import { jobEnvironment } from "./cli/spark.ts";
import { environmentOf } from "./environment.ts";
import { overriddenSettings } from "./overridden.ts";

const folder = mkdtempSync(join(tmpdir(), "overridden-"));
const file = join(folder, "config.yaml");
afterAll(() => rmSync(folder, { recursive: true }));

const instanceOf = (yaml: string, variables: Record<string, string> = {}) => {
  writeFileSync(file, yaml);
  const env = { CONFIG_FILE: file, ...variables };
  const secrets = { postgresUsers: "s3cret", postgresSuperuser: "s3cret" };
  const installed = { python: "python", java17Home: "java" };
  return { folder, env, config: loadConfig(env), secrets, installed } as unknown as Parameters<typeof environmentOf>[0];
};
const sentencesOf = (yaml: string, variables?: Record<string, string>) =>
  overriddenSettings(instanceOf(yaml, variables));

test("addresses in the file, and in .env, that the stack replaces by its own are named, without their values", () => {
  expect(
    sentencesOf('kafka: { brokers: ["kafka.example.com:9092"] }', { POSTGRES_URL: "postgres://u:s3cret@db/x" }),
  ).toEqual([
    "The stack uses its own services and ignores: kafka.brokers (KAFKA_BROKERS), postgres.url (POSTGRES_URL)",
  ]);
});

test("the Spark job uses the stack's addresses too, and all other settings of the file", () => {
  const yaml =
    'kafka: { brokers: ["kafka.example.com:9092"], topic: orders }\ncassandra: { localDataCenter: elsewhere }';
  expect(jobEnvironment(instanceOf(yaml))).toMatchObject({
    KAFKA_BROKERS: "127.0.0.1:9092",
    CASSANDRA_LOCAL_DATA_CENTER: "datacenter1",
    KAFKA_TOPIC: "orders",
  });
});

test("values in the file that a variable overrides are named", () => {
  expect(sentencesOf("log: { level: debug }\nports: { api: 5000 }", { LOG_LEVEL: "error", API_PORT: "6000" })).toEqual([
    `Variables override values in ${file}: log.level (LOG_LEVEL), ports.api (API_PORT)`,
  ]);
});

test("nothing is named with the project's own file, moved ports included, nor in a shell that has the stack's variables", async () => {
  const yaml = await Bun.file(join(import.meta.dir, "../config.yaml")).text();
  expect(sentencesOf(yaml)).toEqual([]);
  expect(sentencesOf("ports: { api: 6000 }\nportOffset: 100")).toEqual([]);
  const own = environmentOf(instanceOf(yaml)) as Record<string, string>;
  expect(sentencesOf(yaml, own)).toEqual([]);
});

test("the URL of a source, and which source it is, reach the stack's programs from the file", () => {
  const [source = ""] = sources.keys();
  const url = "https://users.example.com/";
  const instance = instanceOf(`source: ${source}\n${source}: { url: "${url}" }`);
  const programs = loadConfig({ ...environmentOf(instance) });
  expect(programs).toMatchObject({ source, sources: { [source]: { url } }, overridden: [] });
  // An edit is read by the next task: the stack's environment, which was set at its start, does not hold the old URL.
  writeFileSync(file, `source: ${source}\n${source}: { url: "${url}new/" }`);
  expect(loadConfig({ ...environmentOf(instance) }).sources[source]).toMatchObject({ url: `${url}new/` });
});

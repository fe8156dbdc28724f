import { describe, expect, test } from "bun:test";
import { listSettings } from "../../runtime/setting.ts";
import { Settings } from "../../runtime/settings.ts";
import { settingFindings } from "./settings.ts";

const settings = listSettings(Settings);
const look = (given: Partial<Parameters<typeof settingFindings>[0]>) =>
  settingFindings({ settings, file: "config.yaml", faults: [], env: {}, ...given });

test.each([
  ["KAFAK_BROKERS", "KAFKA_BROKERS"],
  ["KAFKA_BROKER", "KAFKA_BROKERS"],
  ["KAFKABROKERS", "KAFKA_BROKERS"],
  ["kafka_brokers", "KAFKA_BROKERS"],
  ["POSTGRE_URL", "POSTGRES_URL"],
  ["POSTGRESS_URL", "POSTGRES_URL"],
  ["CASANDRA_CONTACT_POINT", "CASSANDRA_CONTACT_POINTS"],
  ["SCHEMA_REGISTERY_URL", "SCHEMA_REGISTRY_URL"],
  ["API_TOKNE", "API_TOKEN"],
  ["PORT_OFSET", "PORT_OFFSET"],
  ["STAKC_DIR", "STACK_DIR"],
])("%s in the environment: did you mean %s?", (name, meant) => {
  expect(look({ env: { [name]: "x" } })).toMatchObject([
    { severity: "warning", about: "the environment", cause: `${name} is not a setting: did you mean ${meant}?` },
  ]);
});

test("a misspelt line of .env is named with its number, and once although Bun has put it into the environment", () => {
  const dotEnv = "# mine\n\nexport KAFAK_BROKERS=a:1\nKAFKA_TOPIC=orders\n";
  expect(look({ dotEnv, env: { KAFAK_BROKERS: "a:1", KAFKA_TOPIC: "orders" } })).toMatchObject([
    { about: ".env, line 3", cause: "KAFAK_BROKERS is not a setting: did you mean KAFKA_BROKERS?" },
  ]);
});

test("a line of .env that is no variable is named without its text, which may be secret", () => {
  const found = look({ dotEnv: "API_TOKEN hunter2-hunter2-hunter2\nLOG_LEVEL=debug\n" });
  expect(found).toMatchObject([{ about: ".env, line 1", cause: expect.stringContaining("NAME=value") }]);
  expect(JSON.stringify(found)).not.toContain("hunter2");
});

describe("variables of other programs are not taken for misspelt ones", () => {
  const foreign =
    "PATH HOME TERM LANG USER SHELL PWD EDITOR HOSTNAME TMPDIR DEBUG NODE_ENV CI HTTP_PROXY NO_PROXY LC_ALL XDG_CACHE_HOME " +
    "KAFKA_HOME KAFKA_OPTS KAFKA_HOST KAFKA_HEAP_OPTS KAFKA_CLUSTER_ID KAFKA_VERSION POSTGRES_HOST POSTGRES_DB " +
    "POSTGRES_USER POSTGRES_NAME PGHOST PGPORT PGUSER DATABASE_URL CASSANDRA_HOME CASSANDRA_HOST CASSANDRA_CONF " +
    "AIRFLOW_HOST AIRFLOW_UID AIRFLOW_GID AIRFLOW__CORE__EXECUTOR SPARK_HOME SPARK_MASTER SPARK_LOCAL_IP SPARK_MASTER_HOST " +
    "SPARK_WORKER_PORT SPARK_WORKER_DIR API_KEY API_HOST API_BASE_URL LOG_FILE LOG_FORMAT LOG_DIR PORT HOST HOSTS LISTEN_PORT " +
    "CONSUMER_KEY CONSUMER_SECRET SOURCE_DATE_EPOCH CONNECT_TIMEOUT SCHEMA_NAME JAVA_OPTS PYTHONPATH PYTHON_VERSION " +
    "RUSTUP_HOME GOPATH SSH_AUTH_SOCK DISPLAY MANPATH VIRTUAL_ENV DOCKER_HOST KUBERNETES_SERVICE_HOST POSTGRES_PORT_5432_TCP";
  test.each(foreign.split(" "))("%s", (name) => {
    expect(look({ env: { [name]: "x" } })).toEqual([]);
  });
});

test("no two settings are taken for each other's slip", () => {
  const env = Object.fromEntries(settings.map((setting) => [setting.env, "x"]));
  expect(look({ env })).toEqual([]);
});

test("a fault of the configuration is a finding, with the key that an unknown one is closest to", () => {
  const faults = [
    'kafka: Unrecognized key: "topci"; correct it in config.yaml, or remove it',
    '(top level): Unrecognized key: "kafak"; correct it in config.yaml, or remove it',
    "ports.kafka: Invalid input: expected number, received NaN; set it in config.yaml or by KAFKA_PORT",
    "config.yaml is not valid YAML: Unexpected token",
  ];
  expect(look({ faults }).map(({ about, cause, cure }) => `${about}: ${cause}. ${cure}`)).toEqual([
    'config.yaml: kafka: Unrecognized key: "topci": did you mean kafka.topic?. Correct it in config.yaml, or remove it',
    'config.yaml: (top level): Unrecognized key: "kafak": did you mean kafka?. Correct it in config.yaml, or remove it',
    "config.yaml: ports.kafka: Invalid input: expected number, received NaN. Set it in config.yaml or by KAFKA_PORT",
    "config.yaml: is not valid YAML: Unexpected token. Correct it",
  ]);
});

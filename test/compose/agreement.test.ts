import { describe, expect, test } from "bun:test";
import { dirname, join, relative, resolve } from "node:path";
import { replicationRole } from "../../contract/change-capture.ts";
import * as entity from "../../contract/entity.ts";
import { sources } from "../../sources/catalogue.ts";
import { allSettings, resolveConfig, sourceAddress, sourceSettings } from "../../sources/config.ts";
import { tasks } from "../../tasks/list.ts";

const project = join(import.meta.dir, "..", "..");
const read = (file: string) => Bun.file(join(project, file)).text();

interface Service {
  image: string;
  command?: string | string[];
  ports?: string[];
  volumes?: string[];
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  profiles?: string[];
  restart?: string;
  logging?: { options: Record<string, string> };
  mem_limit: string;
  security_opt?: string[];
  cap_drop?: string[];
  cap_add?: string[];
}
interface ComposeFile {
  services: Record<string, Service>;
}
const compose = Bun.YAML.parse(await read("docker-compose.yml")) as ComposeFile;
const zookeeper = Bun.YAML.parse(await read("docker-compose.zookeeper.yml")) as ComposeFile;
const cluster = Bun.YAML.parse(await read("docker-compose.cluster.yml")) as ComposeFile;
const services = Object.entries(compose.services);
const environmentOf = (name: string) => compose.services[name]?.environment ?? {};
const { name, config: connector } = JSON.parse(await read("postgres-connector.json")) as {
  name: string;
  config: Record<string, string>;
};
const { topic, deadLetterTopic, changeTopic, editTopic } = entity;
const topics = { topic, deadLetterTopic, changeTopic, editTopic };
const dag = await read("dags/user_automation.py");
const dockerfile = await read("Dockerfile");
const example = await read(".env.example");

/** "127.0.0.1:${API_PORT:-5000}:5000" -> its parts. */
const publishedPorts = [
  ...services,
  ...Object.entries(zookeeper.services),
  ...Object.entries(cluster.services),
].flatMap(([service, { ports = [] }]) =>
  ports.map((port) => {
    const [, address, variable, number, inside] = port.match(/^([\d.]+):\$\{(\w+):-(\d+)\}:(\d+)$/) ?? [];
    return { service, port, address, variable, number: Number(number), inside: Number(inside) };
  }),
);

describe("ports", () => {
  test("each is published only on loopback, and a variable changes it", () => {
    expect(publishedPorts.filter(({ address, variable }) => address !== "127.0.0.1" || !variable)).toEqual([]);
  });

  test("are those of the original project", () => {
    const known = Object.fromEntries(publishedPorts.map(({ service, number }) => [`${service} ${number}`, number]));
    expect(known).toEqual({
      "broker 9092": 9092,
      "schema-registry 8081": 8081,
      "control-center 9021": 9021,
      "connect 8083": 8083,
      "connect-ui 8000": 8000,
      "postgres 5432": 5432,
      "airflow-apiserver 8080": 8080,
      "spark-master 7077": 7077,
      "spark-master 9090": 9090,
      "spark-worker 9091": 9091,
      "cassandra 9042": 9042,
      "source 3001": 3001,
      "consumer-metrics 9464": 9464,
      "api 5000": 5000,
      "console 8090": 8090,
      "zookeeper 2181": 2181,
      "broker-2 9192": 9192,
      "broker-3 9292": 9292,
    });
  });

  test("use the same variables as the native stack", () => {
    const native = new Map(allSettings.map(({ env, default: value }) => [env, value]));
    const shared = publishedPorts.filter(({ variable = "" }) => native.has(variable));
    expect(shared.length).toBeGreaterThanOrEqual(8);
    for (const { variable = "", number } of shared)
      expect([variable, native.get(variable)]).toEqual([variable, number]);
  });

  test(".env.example lists each with its default", () => {
    const named = [...example.matchAll(/^#(\w+_PORT)=(\d+)$/gm)].map(([, name, number]) => `${name} ${number}`);
    expect(named.sort()).toEqual(publishedPorts.map(({ variable, number }) => `${variable} ${number}`).sort());
  });
});

describe("what is kept", () => {
  const native = new Map(allSettings.map(({ env, default: value }) => [env, value]));
  const broker = environmentOf("broker");

  test("is the same as natively: runs, logs, Cassandra's commit log", async () => {
    expect(environmentOf("airflow-scheduler").KEEP_RUN_DAYS).toBe(`\${KEEP_RUN_DAYS:-}`);
    expect(await read("script/housekeeping.sh")).toContain(`.get("runDays") or ${native.get("KEEP_RUN_DAYS")})`);
    for (const [name, { logging }] of [...services, ...Object.entries(zookeeper.services).slice(0, 1)])
      expect([name, defaultsOf(logging?.options["max-size"] ?? "")]).toEqual([
        name,
        `${native.get("KEEP_LOG_MEGABYTES")}m`,
      ]);
    const cassandra = await read("stack/services/cassandra.ts");
    for (const setting of ["commitlog_total_space", "auto_snapshot"]) {
      const [, value] = cassandra.match(new RegExp(`^${setting}: (\\S+)$`, "m")) ?? [];
      expect(environmentOf("cassandra").JVM_EXTRA_OPTS).toContain(`-Dcassandra.settings.${setting}=${value} `);
    }
    // For indexes as natively, a sixteenth of the heap.
    const { MAX_HEAP_SIZE, JVM_EXTRA_OPTS } = environmentOf("cassandra");
    const buffer = Number.parseInt(MAX_HEAP_SIZE ?? "", 10) / 16;
    expect(JVM_EXTRA_OPTS).toContain(`-Dcassandra.settings.sai_options.segment_write_buffer_size=${buffer}MiB `);
  });

  test("of Kafka's own topics is the same as natively", async () => {
    const [kafka, connect] = [await read("stack/services/kafka.ts"), await read("stack/services/connect.ts")];
    const bounds = (text: string) => [...text.matchAll(/^([\w.]+\.(?:segment|retention)\.bytes)=(\d+)$/gm)];
    expect([...bounds(kafka), ...bounds(connect)]).toHaveLength(6);
    const variable = (prefix: string, key = "") => `${prefix}_${key.replaceAll(".", "_").toUpperCase()}`;
    for (const [, key, value] of bounds(kafka)) expect([key, broker[variable("KAFKA", key)]]).toEqual([key, value]);
    for (const [, key, value] of bounds(connect))
      expect([key, environmentOf("connect")[variable("CONNECT", key)]]).toEqual([key, value]);
  });
});

test("Kafka Connect sends batches and events as large as natively", async () => {
  const settings = [...(await read("stack/services/connect.ts")).matchAll(/^producer\.(\S+)=(\d+)$/gm)];
  expect(settings).toHaveLength(2);
  for (const [, key = "", value] of settings)
    expect([key, environmentOf("connect")[`CONNECT_PRODUCER_${key.replaceAll(".", "_").toUpperCase()}`]]).toEqual([
      key,
      value,
    ]);
});

describe("services", () => {
  test("each long-running service has a health check and waits for its dependencies to be healthy", () => {
    const jobs = ["airflow-init", "operate", "spark-submit"];
    for (const [name, { healthcheck, depends_on = {} }] of services) {
      if (!jobs.includes(name)) expect([name, healthcheck?.test.length]).toEqual([name, expect.any(Number)]);
      for (const { condition } of Object.values(depends_on))
        expect([name, condition]).not.toEqual([name, "service_started"]);
    }
  });

  test("the memory limits of all services that run after `up` are below 8 GB, including ZooKeeper", () => {
    const megabytes = [...services, ...Object.entries(zookeeper.services)]
      .filter(([, { profiles, restart, mem_limit }]) => !profiles && restart !== "no" && mem_limit)
      .map(([, { mem_limit }]) => Number(mem_limit.match(/^(\d+)m$/)?.[1]));
    expect(megabytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(8 * 1024);
  });

  test("none can gain privileges, and only two have any, for an entry point that begins as root", () => {
    const all = [...services, ["zookeeper", zookeeper.services.zookeeper!] as const];
    for (const [name, { security_opt, cap_drop }] of all)
      expect([name, security_opt, cap_drop]).toEqual([name, ["no-new-privileges:true"], ["ALL"]]);
    expect(all.filter(([, { cap_add }]) => cap_add).map(([name]) => name)).toEqual(["postgres", "cassandra"]);
  });

  test("each image is pinned to a version", () => {
    const images = [...services.map(([, { image }]) => image), ...dockerfile.matchAll(/^FROM (\S+:\S+)/gm)];
    for (const image of images) expect(String(image)).toMatch(/:v?\d[\w.-]*/);
  });

  test("have the same versions as the native stack", async () => {
    const python = await read("stack/install/python.in");
    const jars = await read("stack/install/jars.toml");
    const spark = await read("spark/requirements.in");
    const packageFile = JSON.parse(await read("package.json"));
    const airflow = dockerfile.match(/apache\/airflow:(\S+) AS airflow/)?.[1];
    expect(python).toContain(`apache-airflow==${airflow}`);
    expect(compose.services["airflow-scheduler"]?.image).toBe(`user-automation/airflow:${airflow}`);
    const pyspark = dockerfile.match(/apache\/spark:([\d.]+)-python3 AS spark/)?.[1];
    expect(spark).toContain(`pyspark==${pyspark}`);
    expect(compose.services["spark-master"]?.image).toBe(`user-automation/spark:${pyspark}`);
    expect(jars).toContain(`cassandra-all:${compose.services.cassandra?.image.split(":")[1]}.`);
    expect(jars).toContain(`debezium-connector-postgres:${compose.services.connect?.image.split(":")[1]}.`);
    expect(dockerfile).toContain(`oven/bun:${packageFile.devDependencies["bun-types"]} AS build`);
    expect(compose.services.api?.image).toBe(`user-automation/program:${packageFile.version}`);
    const pinsOf = (lock: string) => lock.match(/^[\w.-]+==\S+/gm) ?? [];
    const maven = pinsOf(await read("stack/install/maven.lock"));
    expect(maven.length).toBeGreaterThan(1);
    expect(pinsOf(await read("stack/install/python.lock"))).toEqual(expect.arrayContaining(maven));
  });
});

describe("names", () => {
  test("the variables of the programs are known settings with valid values", () => {
    const known = new Set(allSettings.map(({ env }) => env));
    const { API_TOKEN: _, ...variables } = environmentOf("api");
    for (const name of Object.keys(variables)) expect(known).toContain(name);
    const settings = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, defaultsOf(value)]));
    const config = resolveConfig("", settings);
    expect(config).toMatchObject({
      kafka: { brokers: ["broker:29092"], ...topics },
      cassandra: { contactPoints: ["cassandra:9042"] },
      schemaRegistry: { url: "http://schema-registry:8081" },
    });
  });

  test("config.yaml supplies the settings that .env omits", () => {
    const { API_TOKEN: _, ...variables } = environmentOf("airflow-scheduler");
    const settings = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, defaultsOf(value)]));
    const [source = ""] = sources.keys();
    const url = "https://example.com/api/";
    const yaml = `source: ${source}\n${source}: { url: "${url}" }\nlog: { level: debug }`;
    expect(resolveConfig(yaml, settings)).toMatchObject({
      source,
      sources: { [source]: { url } },
      log: { level: "debug" },
    });
  });

  test("the tasks and doctor take users from the source's container", () => {
    for (const name of ["airflow-scheduler", "operate"]) {
      const { EMBEDDED_SOURCE_URL = "" } = environmentOf(name);
      expect([name, sourceAddress(resolveConfig("", { EMBEDDED_SOURCE_URL }))]).toEqual([
        name,
        "http://source:3001/api/1.4/",
      ]);
    }
  });

  test("a program's variables set only what depends on the containers; config.yaml sets the rest, and cannot break that", async () => {
    const image = Object.fromEntries(
      [...dockerfile.matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name = "", value = ""]) => [name, value]),
    );
    const complete = (await read("config.yaml")).replaceAll(/^portOffset: 0$/gm, "portOffset: 100");
    const ports = {
      source: ["source", 3001],
      consumer: ["consumer", 9464],
      api: ["api", 5000],
      console: ["console", 8090],
    } as const;
    const addresses = "CASSANDRA_CONTACT_POINTS EMBEDDED_SOURCE_URL KAFKA_BROKERS POSTGRES_URL SCHEMA_REGISTRY_URL";
    const known = new Map(allSettings.map(({ env, path }) => [env, path[0] ?? ""]));
    for (const name of [...Object.keys(ports), "consumer-metrics", "airflow-scheduler"]) {
      const variables = { ...image, ...environmentOf(name) };
      const settings = Object.fromEntries(
        Object.entries(variables).map(([key, value]) => [key, defaultsOf(value ?? "")]),
      );
      const fixed = Object.keys(settings).filter((key) => known.has(key) && settings[key] !== "");
      const allowed = [...addresses.split(" "), "ALLOWED_HOSTS", "CONSOLE_FOLDER", "LISTEN_HOST"];
      expect([name, fixed.filter((key) => !allowed.includes(key) && known.get(key) !== "ports")]).toEqual([name, []]);
      const [key, port] = ports[name as keyof typeof ports] ?? [];
      if (key) expect([name, resolveConfig(complete, settings).ports[key]]).toEqual([name, port]);
    }
  });

  test("on servers of one's own the programs get every setting about these servers that .env sets", async () => {
    const own = Bun.YAML.parse(await read("docker-compose.own-servers.yml")) as ComposeFile;
    const groups = ["kafka", "schemaRegistry", "postgres", "cassandra"];
    // Names and sizes of what is on the servers are those of config.yaml, and POSTGRES_PASSWORD is that of the container.
    const isOther = /TOPIC|PARTITIONS|REPLICATION|KEYSPACE|^POSTGRES_PASSWORD$/;
    const wanted = allSettings
      .filter(({ path: [group = ""] }) => groups.includes(group))
      .flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]))
      .filter((env) => !isOther.test(env));
    const programs = ["airflow-scheduler", "api", "console", "consumer", "operate", "spark-submit"];
    expect(Object.keys(own.services)).toEqual(programs);
    for (const name of programs) {
      const { environment = {}, volumes } = own.services[name] ?? {};
      expect(Object.keys(environment).sort()).toEqual([...wanted, "MANAGE_SCHEMA"].sort());
      for (const [env, value] of Object.entries(environment)) expect(value).toStartWith(`\${${env}:`);
      expect(volumes).toEqual(["./secrets:/run/secrets:ro"]);
    }
  });

  test("the tasks get every setting of a source that .env sets", () => {
    const variables = environmentOf("airflow-scheduler");
    for (const { env } of sourceSettings)
      if (env !== "EMBEDDED_SOURCE_URL") expect([env, variables[env]]).toEqual([env, `\${${env}:-}`]);
  });

  test("config.yaml, which the containers also read, names the contract's topics", async () => {
    const { kafka } = resolveConfig(await read("config.yaml"), {});
    expect(kafka).toMatchObject({ ...topics });
    for (const name of ["source", "consumer", "api", "console"])
      expect(compose.services[name]?.volumes).toContain("./config.yaml:/app/config.yaml:ro");
    const { CONFIG_FILE } = environmentOf("airflow-scheduler");
    expect(compose.services["airflow-scheduler"]?.volumes).toContain(`./config.yaml:${CONFIG_FILE}:ro`);
  });

  test("each program answers to its service's name", () => {
    for (const name of ["api", "console", "consumer", "consumer-metrics", "source"]) {
      const { hosts } = resolveConfig("", { ALLOWED_HOSTS: defaultsOf(environmentOf(name).ALLOWED_HOSTS ?? "") });
      expect(hosts).toContain(name);
    }
  });

  test("addresses name services and the ports they listen on in their containers", () => {
    const text = JSON.stringify(environmentOf("airflow-scheduler"));
    for (const [, name = "", port] of text.matchAll(/(?<![\w.])([a-z][a-z-]+):(\d{4,5})/g)) {
      if (name === "localhost") continue;
      const service = compose.services[name];
      const inside = publishedPorts.filter((one) => one.service === name).map((one) => String(one.inside));
      const listeners = JSON.stringify(service?.environment ?? {}).match(/:\d{4,5}/g) ?? [];
      expect([name, port, [...inside, ...listeners.map((one) => one.slice(1))]]).toEqual([
        name,
        port,
        expect.arrayContaining([port]),
      ]);
    }
  });

  test("Connect's environment has every variable that the connector references, and exposes no other to it", () => {
    const variables = environmentOf("connect");
    const named = [...JSON.stringify(connector).matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => name ?? "");
    expect(named.length).toBeGreaterThan(0);
    const shown = new RegExp(`^${variables.CONNECT_CONFIG_PROVIDERS_ENV_PARAM_ALLOWLIST_PATTERN}$`);
    for (const name of named)
      expect([name, variables[name], shown.test(name)]).toEqual([name, expect.anything(), true]);
    expect(variables.CDC_POSTGRES_USER).toBe(replicationRole);
    // An exposed value can be sent anywhere, so none may be a secret, which would come from .env.
    for (const [name, value] of Object.entries(variables))
      if (shown.test(name)) expect([name, value]).toEqual([name, expect.not.stringContaining("${")]);
  });

  test("the connector, PostgreSQL and the contract agree", async () => {
    const roles = await read("script/postgres-init/10-databases.sh");
    expect(roles).toContain(`CREATE ROLE ${replicationRole} LOGIN REPLICATION;`);
    expect(roles).toContain(`CREATE DATABASE ${environmentOf("connect").CDC_POSTGRES_DATABASE} `);
    const setup = await read("contract/generated/change_capture.sql");
    expect(setup).toContain(`CREATE PUBLICATION ${entity.publication} `);
    expect({ name, ...connector }).toMatchObject({
      name: entity.connector,
      "topic.prefix": entity.topicPrefix,
      "slot.name": entity.slot,
      "publication.name": entity.publication,
      "table.include.list": `public.${entity.table}`,
      "column.truncate.to.4000.chars": `public\\.${entity.table}\\..*`,
    });
  });

  test("forget has the rights and the settings that it has on the native stack", async () => {
    const [native, roles] = await Promise.all(
      ["stack/services/postgres.ts", "script/postgres-init/10-databases.sh"].map(read),
    );
    for (const grant of ["GRANT pg_checkpoint TO users", "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO users"])
      expect([native?.includes(grant), roles?.includes(grant)]).toEqual([true, true]);
    expect(native).toContain('wal_recycle: "off"');
    expect(compose.services.postgres?.command).toContain("-cwal_recycle=off");
    // It rewrites the files of runs, which are Airflow's.
    const { volumes = [], environment = {} } = compose.services.operate ?? {};
    expect(volumes).toContain(`airflow-runs:${environment.RUNS_DIR}`);
    expect(JSON.stringify(compose.services.operate)).toContain('"user":"50000:0"');
    expect(JSON.stringify(compose.services["airflow-scheduler"])).not.toContain('"user":');
  });

  test("the image's binary is built from every folder that the programs import", async () => {
    const entrypoints = [join(project, "script", "programs.ts")];
    const built = await Bun.build({ entrypoints, target: "bun", packages: "external", metafile: true });
    const files = Object.keys(built.metafile?.inputs ?? {}).map((file) => relative(project, resolve(file)));
    const folders = new Set(files.map((file) => dirname(file).split("/")[0]));
    expect(folders).toContain("operations");
    const ignored = await read(".dockerignore");
    for (const folder of folders) {
      if (folder !== "script") expect(dockerfile).toContain(`COPY ${folder} ${folder}\n`);
      expect(ignored).toContain(`!${folder}\n`);
    }
  });

  test("messages of the programs, the tasks and the Spark job name the operator's commands as in containers", () => {
    const stages = dockerfile.split(/^FROM .* AS (?=\w+$)/m);
    const named = stages.filter((stage) => stage.includes('\nENV OPERATE_COMMAND="docker compose run --rm operate"\n'));
    expect(named.map((stage) => stage.split("\n")[0]).sort()).toEqual(["airflow", "program", "spark"]);
  });

  test("the DAG has its binaries, its folders and the name that the documentation triggers", () => {
    const defined = new Map([...dag.matchAll(/^ +(\w+) = task\(\n +"(\w+)"/gm)].map(([, at = "", name]) => [at, name]));
    const [, chain = ""] = dag.match(/^ +(\w+(?: >> \w+)+)$/m) ?? [];
    const names = [...tasks.keys()];
    expect([...defined.values()]).toEqual(names);
    expect(chain.split(" >> ").map((at) => defined.get(at))).toEqual(names);
    expect(dag).toContain(`description="${names.join(" >> ")}"`);
    const { TASKS_BIN, RUNS_DIR } = environmentOf("airflow-scheduler");
    expect(dockerfile).toContain(`COPY --from=build /out/bin ${TASKS_BIN}`);
    expect(compose.services["airflow-scheduler"]?.volumes).toContain(`airflow-runs:${RUNS_DIR}`);
    expect(dag).toContain('dag_id="user_automation"');
  });

  test("Airflow's scheduler and DAG processor rest as they do natively", async () => {
    const native = await read("stack/services/airflow.ts");
    const settings = [...native.matchAll(/^ +((?:SCHEDULER|DAG_PROCESSOR)__\w+|CORE__EXECUTOR): "(.+?)",/gm)];
    expect(settings.length).toBe(5);
    for (const [, name, value = ""] of settings)
      expect([name, environmentOf("airflow-scheduler")[`AIRFLOW__${name}`]]).toEqual([name, value]);
  });

  test("the passwords in use and those in .env.example are the same", async () => {
    const text = await read("docker-compose.yml");
    const used = new Set([...text.matchAll(/\$\{(\w+_PASSWORD):\?/g)].map(([, name]) => name));
    const given = new Set([...example.matchAll(/^(\w+_PASSWORD)=./gm)].map(([, name]) => name));
    expect(given).toEqual(used);
  });
});

/** "${NAME:-default}" -> default; a required value becomes "given". */
function defaultsOf(value: string): string {
  return value.replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1").replaceAll(/\$\{\w+:\?[^}]*\}/g, "given");
}

/** The operators' resources agree with the settings of the programs, the contract, and the native stack. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { AclOperationTypes, AclResourceTypes, ResourcePatternTypes } from "kafkajs";
import { replicationRole } from "../../contract/change-capture.ts";
import { grants } from "../../operations/access/cassandra.ts";
import { aclsOf } from "../../operations/access/kafka.ts";
import { wantedTopics } from "../../runtime/kafka/topics.ts";
import { allSettings, resolveConfig } from "../../sources/config.ts";
import { project } from "../../stack/instance.ts";
import { type Manifest, named, readManifests, readText, readYaml } from "./manifests.ts";

const read = (file: string) => Bun.file(join(project, file)).text();
const operators = await readManifests("operators");
const ofKind = (kind: string) => operators.filter((manifest) => manifest.kind === kind);
// biome-ignore lint/suspicious/noExplicitAny: Helm's values, of which no package has the types
const values = (await readYaml("operators/airflow-values.yaml")) as any;
const yaml = await readText("base/config.yaml");
const config = resolveConfig(yaml, { KAFKA_SASL_USERNAME: "someone", KAFKA_SASL_PASSWORD: "a-password" });
const compose = Bun.YAML.parse(await read("docker-compose.yml")) as {
  services: Record<string, { image: string; environment: Record<string, string> }>;
};
const composed = (service: string) => compose.services[service]!;
const jars = await read("stack/install/jars.toml");
const postgres = new URL(config.postgres.url);

describe("Kafka", () => {
  const { kafka, entityOperator } = named(operators, "Kafka", "kafka").spec;

  test("is where the programs look for it, with the login that they have", () => {
    const [{ name: _, authentication, port, ...listener }, ...others] = kafka.listeners;
    expect([listener, others]).toEqual([{ type: "internal", tls: config.kafka.tls }, []]);
    expect(authentication.type).toBe(config.kafka.saslMechanism);
    const address = `kafka-kafka-bootstrap:${port}`;
    expect(config.kafka.brokers).toEqual([address]);
    expect(named(operators, "KafkaConnect", "connect").spec.bootstrapServers).toBe(address);
    expect([kafka.authorization, entityOperator]).toEqual([
      { type: "simple" },
      { topicOperator: {}, userOperator: {} },
    ]);
  });

  test("keeps every record on as many brokers as the settings say, and acknowledges it when all but one have it", () => {
    const { replicationFactor } = config.kafka;
    expect(named(operators, "KafkaNodePool", "broker").spec.replicas).toBeGreaterThanOrEqual(replicationFactor);
    expect(kafka.config).toMatchObject({
      "default.replication.factor": replicationFactor,
      "min.insync.replicas": replicationFactor - 1,
      "offsets.topic.replication.factor": replicationFactor,
      "transaction.state.log.replication.factor": replicationFactor,
      "transaction.state.log.min.isr": replicationFactor - 1,
      "unclean.leader.election.enable": false,
      "auto.create.topics.enable": false,
    });
  });

  test("has the topics that the programs would create", () => {
    const topics = ofKind("KafkaTopic").map(({ spec }) => ({
      topic: spec.topicName,
      numPartitions: spec.partitions,
      replicationFactor: spec.replicas,
      configEntries: Object.entries(spec.config).map(([name, value]) => ({ name, value })),
    }));
    expect(topics).toEqual(wantedTopics(config) as typeof topics);
  });

  test("lets each login do what it may on a secure stack, and nothing else", () => {
    const wanted = aclsOf(config).map((acl) => ({ ...acl, principal: acl.principal.replace("User:", "kafka-") }));
    const given = ofKind("KafkaUser").flatMap(({ metadata, spec }) =>
      spec.authorization.acls.flatMap(({ resource, operations }: { resource: Resource; operations: string[] }) =>
        operations.map((operation) => aclText(metadata.name, resource, operation)),
      ),
    );
    // The console is the operator's login too, and the Spark job has no manifest.
    const others = ["kafka-operate", "kafka-spark"];
    const expected = wanted
      .filter(({ principal }) => !others.includes(principal))
      .map(({ principal, resourceType, resourceName, resourcePatternType, operation }) => {
        const type = types[resourceType as keyof typeof types];
        const patternType = resourcePatternType === ResourcePatternTypes.PREFIXED ? "prefix" : "literal";
        const resource = type === "cluster" ? { type } : { type, name: resourceName, patternType };
        return aclText(principal, resource, operationName.get(operation) ?? "");
      });
    expect(given.sort()).toEqual(expected.sort());
    expect(new Set(wanted.map(({ principal }) => principal))).toEqual(
      new Set([...ofKind("KafkaUser").map(({ metadata }) => metadata.name), ...others]),
    );
    for (const { spec } of ofKind("KafkaUser")) expect(spec.authentication.type).toBe(config.kafka.saslMechanism);
  });
});

interface Resource {
  type: string;
  name?: string;
  patternType?: string;
}
const types = {
  [AclResourceTypes.TOPIC]: "topic",
  [AclResourceTypes.GROUP]: "group",
  [AclResourceTypes.CLUSTER]: "cluster",
  [AclResourceTypes.TRANSACTIONAL_ID]: "transactionalId",
};
const operationName = new Map(Object.entries(AclOperationTypes).map(([name, number]) => [number, name]));
/** "DESCRIBE_CONFIGS" and "DescribeConfigs" are the same. */
const aclText = (who: string, { type, name, patternType }: Resource, operation: string) =>
  [who, operation.replaceAll("_", "").toLowerCase(), type, patternType, name].join(" ");

describe("change data capture", async () => {
  const { config: connector, name } = JSON.parse(await read("postgres-connector.json"));
  const { spec } = named(operators, "KafkaConnect", "connect");
  const { env, volumeMounts } = spec.template.connectContainer as Record<"env" | "volumeMounts", Variable[]>;
  const variables = variablesOf(env);

  test("has the connector of postgres-connector.json, whose slot outlives a failover", () => {
    const { class: type, tasksMax, config: given } = named(operators, "KafkaConnector", name).spec;
    const { "slot.failover": failover, ...rest } = given;
    expect({ "connector.class": type, "tasks.max": String(tasksMax), ...rest }).toEqual(connector);
    expect(failover).toBe("true");
    expect(named(operators, "KafkaConnector", name).metadata.labels).toEqual({ "strimzi.io/cluster": "connect" });
  });

  test("gives the connector the variables that it names, of which none is secret", () => {
    const wanted = [...JSON.stringify(connector).matchAll(/\$\{env:(\w+)\}/g)].map(([, variable]) => variable);
    expect(Object.keys(variables).sort()).toEqual([...new Set(wanted)].sort() as string[]);
    expect(variables).toMatchObject({
      CDC_POSTGRES_HOST: postgres.hostname,
      CDC_POSTGRES_PORT: postgres.port,
      CDC_POSTGRES_DATABASE: postgres.pathname.slice(1),
      CDC_POSTGRES_USER: replicationRole,
      CDC_POSTGRES_TLS: (volumeMounts[0] as unknown as { mountPath: string }).mountPath,
    });
    const provider = "config.providers.env.param.allowlist.pattern";
    const { environment } = composed("connect");
    expect(spec.config[provider]).toBe(environment.CONNECT_CONFIG_PROVIDERS_ENV_PARAM_ALLOWLIST_PATTERN);
    expect(env.every(({ value }) => value !== undefined)).toBe(true);
  });

  test("works as natively: exactly once, as large events, and by the version that is tested", () => {
    const { environment } = composed("connect");
    expect(spec.config).toMatchObject({
      "exactly.once.source.support": environment.CONNECT_EXACTLY_ONCE_SOURCE_SUPPORT,
      "producer.max.request.size": Number(environment.CONNECT_PRODUCER_MAX_REQUEST_SIZE),
      "producer.batch.size": Number(environment.CONNECT_PRODUCER_BATCH_SIZE),
      "connector.client.config.override.policy": environment.CONNECT_CONNECTOR_CLIENT_CONFIG_OVERRIDE_POLICY,
      "config.providers.env.class": environment.CONNECT_CONFIG_PROVIDERS_ENV_CLASS,
    });
    const { group, artifact, version } = spec.build.plugins[0].artifacts[0];
    expect(jars).toContain(`"${group}:${artifact}:${version}:`);
    expect([spec.groupId, spec.configStorageTopic, spec.offsetStorageTopic, spec.statusStorageTopic]).toEqual([
      environment.GROUP_ID,
      environment.CONFIG_STORAGE_TOPIC,
      environment.OFFSET_STORAGE_TOPIC,
      environment.STATUS_STORAGE_TOPIC,
    ]);
    expect(spec.authentication.username).toBe(named(operators, "KafkaUser", "kafka-connect").metadata.name);
  });
});

test("PostgreSQL has the database of the settings, keeps changes for Debezium, and lets it in by its certificate only", async () => {
  const { bootstrap, managed, postgresql, imageName, replicationSlots } = named(operators, "Cluster", "postgres").spec;
  expect(postgres.host).toBe("postgres-rw:5432");
  const { database, owner, postInitApplicationSQL } = bootstrap.initdb;
  expect([database, owner]).toEqual([postgres.pathname.slice(1), postgres.username]);
  const roles = await read("script/postgres-init/10-databases.sh");
  expect(postInitApplicationSQL).toHaveLength(2);
  for (const statement of postInitApplicationSQL) expect(roles).toContain(`${statement};`);
  expect(postgresql.pg_hba).toEqual([
    `hostssl ${database} ${replicationRole} all cert`,
    `host all ${replicationRole} all reject`,
  ]);
  expect(postgresql.parameters).toMatchObject({ wal_level: "logical", sync_replication_slots: "on" });
  expect(replicationSlots.highAvailability).toEqual({ enabled: true, synchronizeLogicalDecoding: true });
  expect(imageName.split(":")[1]).toBe(composed("postgres").image.split(":")[1]);
  const logins = managed.roles.map(({ name }: { name: string }) => name);
  expect(ofKind("Database").map(({ spec }) => [spec.name, spec.owner])).toEqual(
    logins.map((name: string) => [name, name]),
  );
});

test("Cassandra has as many nodes as there are replicas, and is where the programs look for it", () => {
  const { auth, cassandra } = named(operators, "K8ssandraCluster", "cassandra").spec;
  const [{ metadata, size, racks }, ...others] = cassandra.datacenters;
  expect([auth, others]).toEqual([true, []]);
  expect(config.cassandra).toMatchObject({
    contactPoints: [`cassandra-${metadata.name}-service:9042`],
    localDataCenter: metadata.name,
  });
  expect([size, racks.length]).toEqual([config.cassandra.replicationFactor, config.cassandra.replicationFactor]);
  expect(jars).toContain(`"org.apache.cassandra:cassandra-all:${cassandra.serverVersion}"`);
});

test("docs/kubernetes.md gives the programs' roles in Cassandra the rights that they have on a secure stack", async () => {
  const page = await read("docs/kubernetes.md");
  const given = [...page.matchAll(/GRANT .*?(?=;)/g)].map(([grant]) => grant);
  const wanted = grants(config).filter((grant) => /TO (consumer|api|console)$/.test(grant));
  expect(given.sort()).toEqual(wanted.sort());
});

test("the registry is the native stack's, and answers where the programs look for it", async () => {
  const [container] = named(operators, "Deployment", "schema-registry").spec.template.spec.containers;
  expect(jars).toContain(`"io.apicurio:apicurio-registry-app:${container.image.split(":")[1]}:`);
  const { port } = named(operators, "Service", "schema-registry").spec.ports[0];
  expect(config.schemaRegistry.url).toStartWith(`http://schema-registry:${port}/`);
  expect(`${new URL(config.schemaRegistry.url).pathname}/subjects`).toBe(container.readinessProbe.httpGet.path);
  const native = await read("stack/services/schema-registry.ts");
  expect(native).toContain(`disabledPaths = "${variablesOf(container.env).APICURIO_DISABLE_APIS}"`);
  expect(variablesOf(container.env).APICURIO_DATASOURCE_URL).toStartWith(
    `jdbc:postgresql://${postgres.host}/registry?`,
  );
});

describe("Airflow", async () => {
  const { environment, image } = composed("airflow-scheduler");
  const everywhere = variablesOf(values.env);
  const tasks = variablesOf(values.scheduler.env);

  test("is the project's image, with the tasks and the runs where it has them", async () => {
    const [name, version] = image.split(":");
    expect(values.defaultAirflowRepository).toEndWith(`/${name}`);
    expect([values.defaultAirflowTag, values.airflowVersion]).toEqual([version, version]);
    expect(everywhere).toMatchObject({ TASKS_BIN: environment.TASKS_BIN, RUNS_DIR: environment.RUNS_DIR });
    const runs = values.scheduler.extraVolumes[0].persistentVolumeClaim.claimName;
    expect(named(operators, "PersistentVolumeClaim", runs).spec.accessModes).toEqual(["ReadWriteOnce"]);
    expect(values.scheduler.extraVolumeMounts[0].mountPath).toBe(environment.RUNS_DIR);
    // The chart starts what this one needs; the stack's own executor is the same, but for how long it waits.
    expect(values.executor).toBe("LocalExecutor");
    expect(values.config.core.auth_manager).toBe(environment.AIRFLOW__CORE__AUTH_MANAGER);
  });

  test("gives the tasks the servers that the programs have", () => {
    const known = allSettings.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));
    for (const name of Object.keys(tasks)) expect([...known, "OPERATE_COMMAND", "RANDOMUSER_URL"]).toContain(name);
    const own = resolveConfig("", { ...tasks, KAFKA_SASL_PASSWORD: "a-password" });
    const { brokers, tls, caFile, saslMechanism } = own.kafka;
    expect(config).toMatchObject({
      kafka: { brokers, tls, caFile, saslMechanism },
      schemaRegistry: { url: own.schemaRegistry.url },
      postgres: { url: own.postgres.url, sslmode: own.postgres.sslmode, caFile: own.postgres.caFile },
    });
    expect(own.kafka.saslUsername).toBe(named(operators, "KafkaUser", "kafka-tasks").metadata.name);
  });

  test("mounts the files that these name", () => {
    const at = (mounts: Mount[], volumes: Volume[]) =>
      mounts.flatMap(({ name, mountPath }) => {
        const sources = volumes.find((volume) => volume.name === name)?.projected?.sources ?? [];
        return sources.flatMap(({ secret }) => secret.items.map(({ path }) => `${mountPath}/${path}`));
      });
    const { extraVolumes, extraVolumeMounts } = values.scheduler;
    const files = [...at(values.volumeMounts, values.volumes), ...at(extraVolumeMounts, extraVolumes)];
    const wanted = Object.entries(tasks).filter(([name]) => name.endsWith("_FILE"));
    expect(files.sort()).toEqual(wanted.map(([, file]) => file).sort());
    expect(files).toContain(everywhere.PGSSLROOTCERT ?? "");
  });
});

test("every Secret is written by an operator, or docs/kubernetes.md says how to create it", async () => {
  const page = await read("docs/kubernetes.md");
  const written = [
    ...ofKind("KafkaUser").map(({ metadata }) => metadata.name),
    ...["kafka-cluster-ca-cert", "postgres-app", "postgres-ca", "cassandra-superuser"],
  ];
  const manifests: Manifest[] = [...operators, ...(await readManifests("base")), ...(await readManifests("keda"))];
  const secrets = new Set([...secretsIn(manifests), ...secretsIn(values)]);
  for (const name of written) expect(secrets).toContain(name);
  const others = [...secrets].filter((name) => !written.includes(name));
  expect(others.length).toBeGreaterThan(6);
  for (const name of others) expect(page).toContain(`\`${name}\``);
});

interface Variable {
  name: string;
  value?: string;
}
interface Mount {
  name: string;
  mountPath: string;
}
interface Volume {
  name: string;
  projected?: { sources: { secret: { items: { path: string }[] } }[] };
}

const variablesOf = (list: Variable[]): Record<string, string> =>
  Object.fromEntries(list.map(({ name, value = "" }) => [name, value]));

/** The names of Secrets that a value refers to, wherever in it. */
function secretsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (typeof inner === "string" && /^(secretName|pushSecret|\w+SecretName)$/.test(key)) return [inner];
    const isReference = /^(secret|secretKeyRef|passwordSecret|secretTargetRef)$/.test(key);
    const named = isReference ? [inner].flat().map((each) => (each as { name?: string }).name ?? "") : [];
    return [...named.filter(Boolean), ...secretsIn(inner)];
  });
}

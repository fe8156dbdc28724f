import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { p12Password } from "../../operations/access/certificates.ts";
import { aclsOf } from "../../operations/access/kafka.ts";
import { mayUse, type Principal } from "../../operations/access/principals.ts";
import { examples, uses, volumesOf, wellKnown } from "../../script/issue-access.ts";
import { isAllowed } from "../../script/registry-gate.ts";
import { allSettings, resolveConfig } from "../../sources/config.ts";

const project = join(import.meta.dir, "..", "..");
const read = (file: string) => Bun.file(join(project, file)).text();

interface Service {
  command?: string;
  entrypoint?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  security_opt?: string[];
  cap_drop?: string[];
  restart?: string;
  mem_limit?: string;
}
const compose = Bun.YAML.parse(await read("docker-compose.yml")) as { services: Record<string, Service> };
const secure = Bun.YAML.parse(await read("docker-compose.secure.yml")) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};
const services = Object.entries(secure.services);
const mounted = ({ volumes = [] }: Service) => volumes.filter((volume) => volume.startsWith("access-"));

/** Files with the names of those that stack/certificates.py writes. */
const issued = mkdtempSync(join(tmpdir(), "issued-"));
afterAll(() => rmSync(issued, { recursive: true }));
for (const file of ["ca.crt", "ca.p12"]) writeFileSync(join(issued, file), "");
for (const [name, use] of uses) {
  mkdirSync(join(issued, name));
  const files =
    use === "client" ? "client.crt client.key client.pk8 trust.p12" : "server.crt server.key server.pem server.p12";
  for (const file of files.split(" ")) writeFileSync(join(issued, name, file), "");
}
const volumes = volumesOf(issued, "a key");

describe("certificates and logins", () => {
  test("each volume is filled, and mounted read-only by the containers of one account only", () => {
    const filled = secure.services["issue-access"]?.volumes?.filter((volume) => volume.startsWith("access-")) ?? [];
    const names = Object.keys(volumes).map((name) => `access-${name}:/access/${name}`);
    expect(filled.toSorted()).toEqual([...names, "access-authority:/access/authority"].toSorted());
    expect(Object.keys(secure.volumes)).toEqual(filled.map((volume) => volume.split(":")[0]!).toSorted());

    const holders = Map.groupBy(
      services
        .filter(([name]) => name !== "issue-access")
        .flatMap(([name, service]) => mounted(service).map((volume) => ({ name, volume }))),
      ({ volume }) => volume.split(":")[0],
    );
    const shared = [...holders]
      .filter(([, users]) => users.length > 1)
      .map(([volume, users]) => [volume, users.map(({ name }) => name)]);
    expect(Object.fromEntries(shared)).toEqual({
      "access-admin": ["grant-access", "grant-schemas"],
      "access-tasks": ["airflow-init", "airflow-apiserver", "airflow-dag-processor", "airflow-scheduler"],
      "access-spark": ["spark-worker", "spark-submit"],
    });
    for (const users of holders.values()) for (const { volume } of users) expect(volume).toEndWith(":ro");
  });

  test("a container has every file that its settings name, and only its own passwords", () => {
    for (const [name, service] of services) {
      const [volume, at] = mounted(service)[0]?.split(":") ?? [];
      if (name === "issue-access" || volume === undefined) continue;
      const { files } = volumes[volume.replace("access-", "")]!;
      const text = JSON.stringify([service.entrypoint, service.environment]);
      const named = [...text.matchAll(new RegExp(`${at}/([\\w.-]+)`, "g"))].map(([, file]) => file);
      expect([name, named.filter((file) => !(file! in files))]).toEqual([name, []]);
      const principal = service.environment?.KAFKA_SASL_USERNAME as Principal | undefined;
      if (principal === undefined) continue;
      const { CASSANDRA_USERNAME, SCHEMA_REGISTRY_USERNAME } = service.environment!;
      expect([CASSANDRA_USERNAME, SCHEMA_REGISTRY_USERNAME]).toEqual([
        mayUse(principal, "cassandra") ? principal : undefined,
        principal,
      ] as string[]);
      for (const server of ["kafka", "cassandra", "registry"] as const)
        expect([name, server, server in files]).toEqual([name, server, mayUse(principal, server)]);
    }
  });

  test("programs have valid settings, may create nothing, and have PostgreSQL's password only if they use it", () => {
    const known = new Set(allSettings.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env])));
    const operators = ["CONNECT_URL", "API_URL", "CONSOLE_URL", "NODE_EXTRA_CA_CERTS"];
    for (const name of ["api", "consumer", "console", "operate"]) {
      const { environment = {} } = secure.services[name]!;
      expect(Object.keys(environment).filter((key) => !known.has(key) && !operators.includes(key))).toEqual([]);
      const set = Object.entries({ ...compose.services[name]!.environment, ...environment }).filter(
        ([key, value]) =>
          known.has(key) && key !== "POSTGRES_URL" && !key.endsWith("_FILE") && value && !value.includes("${"),
      );
      expect(
        resolveConfig("", {
          ...Object.fromEntries(set),
          KAFKA_SASL_PASSWORD: "x",
          CASSANDRA_PASSWORD: "x",
          SCHEMA_REGISTRY_PASSWORD: "x",
        }),
      ).toMatchObject({
        manageSchema: false,
        schemaRegistry: { url: "https://registry-gate:8081" },
        kafka: { tls: true, saslUsername: name },
        cassandra: { tls: true, username: name },
      });
      expect([name, "POSTGRES_URL" in environment]).toEqual([name, !mayUse(name as Principal, "postgres")]); // reset
    }
  });

  test("the passwords of .env.example are refused", async () => {
    const example = await read(".env.example");
    const given = Object.fromEntries(
      [...example.matchAll(/^(\w+_PASSWORD)=(.+)$/gm)].map(([, name, value]) => [name!, value!]),
    );
    expect(given).toEqual({ ...examples });
    expect(wellKnown(given)).toEqual(Object.keys(examples));
    expect(wellKnown({ ...given, POSTGRES_PASSWORD: "of one's own" })).not.toContain("POSTGRES_PASSWORD");
  });
});

describe("servers", () => {
  test("Cassandra has all settings of the plain stack", () => {
    const plain = compose.services.cassandra?.environment?.JVM_EXTRA_OPTS?.trim();
    expect(secure.services.cassandra?.environment?.JVM_EXTRA_OPTS).toStartWith(`${plain} `);
  });

  test("the Spark job is submitted as on the plain stack, and its executors have the authority as Java reads it", () => {
    const options = secure.services["spark-submit"]?.entrypoint ?? [];
    const added = options.filter((option) => option.startsWith("--conf="));
    expect(options.filter((option) => !added.includes(option))).toEqual(
      compose.services["spark-submit"]?.entrypoint ?? [],
    );
    const prefix = "--conf=spark.cassandra.connection.ssl.trustStore";
    expect(added).toEqual([
      `${prefix}.path=/run/access/ca.p12`,
      `${prefix}.password=${p12Password}`,
      `${prefix}.type=PKCS12`,
    ]);
    expect(Object.keys(volumes.spark?.files ?? {})).toContain("ca.p12");
  });

  test("Kafka lets only its own certificate in to the controller, and knows every login that has a right", () => {
    const broker = secure.services.broker?.environment ?? {};
    expect(broker.KAFKA_SUPER_USERS?.split(";")).toEqual(["User:admin", "User:broker", "User:CN=broker"]);
    // Without a login only inside the container.
    const open = broker.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP?.split(",").filter((each) => each.endsWith(":PLAINTEXT"));
    expect(open).toEqual(["HEALTH:PLAINTEXT"]);
    expect(broker.KAFKA_LISTENERS).toContain("HEALTH://127.0.0.1:");
    const jaas = String(volumes.broker?.files["jaas.conf"]);
    const logins = new Set([...jaas.matchAll(/user_([\w-]+)="[\w-]+"/g)].map(([, name]) => `User:${name}`));
    for (const { principal } of aclsOf(resolveConfig("", {}))) expect(logins).toContain(principal);
  });

  test("Kafka Connect, its producers, consumers and admin clients log in alike", () => {
    const { environment = {}, entrypoint = [] } = secure.services.connect!;
    const ofClients = (prefix: string) =>
      ["SECURITY_PROTOCOL", "SASL_MECHANISM", "SSL_TRUSTSTORE_TYPE", "SSL_TRUSTSTORE_LOCATION"].map(
        (key) => environment[`CONNECT_${prefix}${key}`],
      );
    expect(ofClients("")).toEqual(["SASL_SSL", "PLAIN", "PEM", "/certificate/ca.crt"]);
    for (const prefix of ["PRODUCER_", "CONSUMER_", "ADMIN_"]) {
      expect(ofClients(prefix)).toEqual(ofClients(""));
      expect(entrypoint.join(" ")).toContain(`CONNECT_${prefix}SASL_JAAS_CONFIG="$$login"`);
      expect(environment.SENSITIVE_PROPERTIES).toContain(`CONNECT_${prefix}SASL_JAAS_CONFIG`);
    }
    const stores = Object.keys(environment).filter((key) => /_SSL_\w+_PASSWORD$/.test(key));
    expect(stores.map((key) => environment[key])).toEqual(stores.map(() => p12Password));
    expect(environment.CONNECT_LISTENERS).toBe("https://0.0.0.0:8083,http://127.0.0.1:8084");
  });

  test("the registry's gate lets consumers read, programs that write register, and nobody delete", () => {
    const allowed = (writes: boolean) =>
      [
        "GET /subjects",
        "GET /schemas/ids/1",
        "POST /compatibility/subjects/users_created-value/versions/latest",
        "POST /subjects/users_created-value",
        "POST /subjects/users_created-value/versions",
        "PUT /config/users_created-value",
        "PUT /config",
        "PUT /mode",
        "POST /subjects/a/versions/b",
        "DELETE /subjects/users_created-value",
        "GET /subjects/%2e%2e/admin",
        "GET /subjects;admin",
      ].filter((request) => {
        const [method = "", path = ""] = request.split(" ");
        return isAllowed(method, path, { writes });
      });
    const reads = [
      "GET /subjects",
      "GET /schemas/ids/1",
      "POST /compatibility/subjects/users_created-value/versions/latest",
    ];
    expect(allowed(false)).toEqual(reads);
    expect(allowed(true)).toEqual([
      ...reads,
      "POST /subjects/users_created-value",
      "POST /subjects/users_created-value/versions",
      "PUT /config/users_created-value",
    ]);
  });

  test("no added container can gain privileges", () => {
    for (const [name, service] of services.filter(([name]) => !(name in compose.services)))
      expect([name, service.security_opt, service.cap_drop]).toEqual([name, ["no-new-privileges:true"], ["ALL"]]);
  });
});

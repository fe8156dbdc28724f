/**
 * `programs issue-access`, a one-shot container of docker-compose.secure.yml: gives each container the certificates and
 * passwords that it needs and no others, in a volume of its own below /access, readable by its account only. What is there
 * stays until it is due for renewal.
 */
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { certificatesToIssue, type Use } from "../operations/access/certificates.ts";
import {
  mayUse,
  onlyReadsSchemas,
  type Principal,
  passwordFrom,
  principalsOf,
} from "../operations/access/principals.ts";

const folder = "/access";
const authority = join(folder, "authority");
const certificates = join(authority, "certificates");
const keyFile = join(authority, "logins");

/** Who has a certificate, and what for. A server's is for its service's name and for localhost. */
export const uses: readonly [name: string, use: Use][] = [
  ["broker", "both"], // logs in to its controller
  ["cassandra", "both"], // nodes log in to one another
  ["postgres", "server"],
  ["connect", "server"],
  ["registry-gate", "server"],
  ["api", "server"],
  ["console", "server"],
  ["debezium", "client"],
  ["operator", "client"], // Kafka Connect's REST API knows clients by their certificate only
];

/** Issues what is missing or due, and writes all volumes. */
export async function issueAccess(env = process.env): Promise<void> {
  const known = wellKnown(env);
  if (known.length > 0) {
    console.error(
      `as in .env.example, which everybody knows: ${known.join(", ")}; set your own in .env (docs/docker.md)`,
    );
    process.exit(2);
  }
  if (!existsSync(keyFile)) write(keyFile, randomBytes(32).toString("base64url"), 0);
  const wanted = certificatesToIssue(certificates, uses, { mayRenew: true });
  if (wanted.length > 0) {
    const issue = Bun.spawn(["python3", "/opt/user-automation/certificates.py", "--named", certificates, ...wanted]);
    if ((await issue.exited) !== 0) process.exit(1);
  }
  for (const [name, { owner, files }] of Object.entries(volumesOf(certificates, readFileSync(keyFile, "utf8"))))
    for (const [file, content] of Object.entries(files)) write(join(folder, name, file), content, owner);
  const issued = wanted.map((each) => each.split(":")[0]).join(", ");
  console.log(issued === "" ? "all certificates have more than a third of their time left" : `issued: ${issued}`);
}

/** The passwords of .env.example, by their variables. */
export const examples = {
  POSTGRES_PASSWORD: "postgres",
  USERS_DB_PASSWORD: "users",
  AIRFLOW_DB_PASSWORD: "airflow",
  AIRFLOW_PASSWORD: "admin",
} as const;

/** The variables whose value is that of .env.example. */
export const wellKnown = (env: Record<string, string | undefined>) =>
  Object.entries(examples).flatMap(([name, value]) => (env[name] === value ? [name] : []));

interface Volume {
  /** The account of its container; if that is not known, every account of this one container can read it. */
  owner: number | undefined;
  files: Record<string, string | Buffer>;
}

/** The accounts of the images. */
const accounts = {
  confluent: 1000,
  postgres: 999,
  cassandra: 999,
  program: 65532,
  airflow: 50000,
  spark: 185,
};

/** Each container's volume, from the folder of all certificates and the key of the passwords. */
export function volumesOf(issued: string, key: string): Record<string, Volume> {
  const from = (name: string, file: string) => readFileSync(join(issued, name, file));
  const ca = { "ca.crt": readFileSync(join(issued, "ca.crt")) };
  const serverOf = (name: string) => ({
    "server.crt": from(name, "server.crt"),
    "server.key": from(name, "server.key"),
  });
  const operator = { "client.crt": from("operator", "client.crt"), "client.key": from("operator", "client.key") };
  const passwords = (principal: Principal) =>
    Object.fromEntries(
      (["kafka", "cassandra", "registry"] as const)
        .filter((server) => mayUse(principal, server))
        .map((server) => [server, passwordFrom(key, principal, server)]),
    );
  return {
    broker: {
      owner: accounts.confluent,
      files: { ...ca, "server.pem": from("broker", "server.pem"), "jaas.conf": brokerLogins(key) },
    },
    "schema-registry": {
      owner: accounts.confluent,
      files: { ...ca, "jaas.conf": `KafkaClient {\n  ${loginAs(registry, key)}\n};\n` },
    },
    "registry-gate": {
      owner: accounts.program,
      files: { ...ca, ...serverOf("registry-gate"), "logins.json": registryLogins(key) },
    },
    connect: {
      owner: undefined,
      files: {
        ...ca,
        "server.p12": from("connect", "server.p12"),
        "operator.p12": from("operator", "trust.p12"),
        "client.crt": from("debezium", "client.crt"),
        "client.pk8": from("debezium", "client.pk8"),
        login: loginAs("connect", key),
      },
    },
    postgres: { owner: accounts.postgres, files: { ...ca, ...serverOf("postgres") } },
    cassandra: { owner: accounts.cassandra, files: { ...ca, "server.pem": from("cassandra", "server.pem") } },
    tasks: { owner: accounts.airflow, files: { ...ca, ...passwords("tasks") } },
    consumer: { owner: accounts.program, files: { ...ca, ...passwords("consumer") } },
    api: { owner: accounts.program, files: { ...ca, ...passwords("api"), ...serverOf("api") } },
    console: {
      owner: accounts.program,
      files: { ...ca, ...passwords("console"), ...serverOf("console"), ...operator },
    },
    operate: { owner: accounts.airflow, files: { ...ca, ...passwords("operate"), ...operator } },
    spark: {
      owner: accounts.spark,
      files: { ...ca, "ca.p12": readFileSync(join(issued, "ca.p12")), ...passwords("spark") },
    },
    admin: { owner: accounts.program, files: { ...ca, ...passwords("admin"), logins: key } },
  };
}

/** The registry's own login, with which it keeps its schemas in Kafka. */
const registry = "schema-registry";

const plain = "org.apache.kafka.common.security.plain.PlainLoginModule required";
const loginAs = (principal: string, key: string) =>
  `${plain} username="${principal}" password="${passwordFrom(key, principal, "kafka")}";`;

/** The broker's own login and those of its clients. */
function brokerLogins(key: string): string {
  const users = [...principalsOf("kafka"), registry].map(
    (name) => `  user_${name}="${passwordFrom(key, name, "kafka")}"`,
  );
  return `KafkaServer {\n  ${loginAs("broker", key).slice(0, -1)}\n${users.join("\n")};\n};\n`;
}

/** What script/registry-gate.ts reads. */
const registryLogins = (key: string) =>
  JSON.stringify(
    principalsOf("registry").map((name) => ({
      name,
      password: passwordFrom(key, name, "registry"),
      writes: !onlyReadsSchemas(name),
    })),
  );

/** Replaces a file by one that only an account can read. */
function write(file: string, content: string | Buffer, owner: number | undefined) {
  mkdirSync(dirname(file), { recursive: true });
  const next = `${file}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, content, { mode: owner === undefined ? 0o444 : 0o400 });
  if (owner !== undefined) chownSync(next, owner, owner);
  renameSync(next, file);
}

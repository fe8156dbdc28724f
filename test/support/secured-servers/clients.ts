/** The project's programs as clients of the secured servers. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from "kafkajs";
import { validUsers } from "../../../contract/samples.ts";
import { openKafka } from "../../../runtime/kafka.ts";
import { openLog } from "../../../runtime/log.ts";
import { freePort } from "../free-port.ts";
import type { Names } from "../names.ts";
import { plainEnvironment } from "../plain-environment.ts";
import { type StartedProgram, startProgram } from "../program.ts";
import { passwords } from "./passwords.ts";
import type { SecuredServers } from "./servers.ts";

const programs = {
  backup: ["tasks/main.ts", "backup", "--input", "users.jsonl", "--output", "backup.jsonl"],
  produce: ["tasks/main.ts", "produce", "--input", "users.jsonl", "--output", "produced.jsonl"],
  consumer: ["consumer/main.ts"],
  api: ["api/main.ts"],
  migrate: ["operate/main.ts", "migrate"],
  reconcile: ["operate/main.ts", "reconcile"],
} as const;
export type Program = keyof typeof programs;

export type Env = Record<string, string>;

export interface SecuredClients {
  /** The settings of a program: as `pipeline` with every protection, and some of its own; one that is "" is left out. */
  settingsWith(more: Env): Env;
  /** Starts a program. */
  start(program: Program, more?: Env): StartedProgram & { port: string };
  /** The exit code and the log of a program; one that does not end within three minutes has no code. */
  run(program: Program, more?: Env): Promise<{ code: number | undefined; log: string }>;
  /** Kills what was started. */
  end(): Promise<void>;
}

export function openClients(servers: SecuredServers, names: Names): SecuredClients {
  const settings = settingsOf(servers, names);
  const started: StartedProgram[] = [];
  writeFileSync(servers.file("users.jsonl"), validUsers.map((user) => `${JSON.stringify(user)}\n`).join(""));

  const settingsWith = (more: Env) =>
    Object.fromEntries(Object.entries({ ...settings, ...more }).filter(([, value]) => value !== ""));

  function start(program: Program, more: Env = {}) {
    const [file, ...args] = programs[program];
    const own = { API_PORT: String(freePort()), CONSUMER_PORT: String(freePort()), ...more };
    const paths = args.map((arg) => (arg.endsWith(".jsonl") ? servers.file(arg) : arg));
    const process = startProgram(file, paths, settingsWith(own));
    started.push(process);
    return { ...process, port: own.API_PORT };
  }

  return {
    settingsWith,
    start,
    async run(program, more) {
      const { exited, output } = start(program, more);
      const code = await Promise.race([exited, Bun.sleep(180_000)]);
      const log = await output();
      for (const password of Object.values(passwords))
        if (log.includes(password)) throw new Error(`the log has the password ${password}`);
      return { code: code ?? undefined, log };
    },
    async end() {
      for (const { signal, exited } of started.splice(0)) {
        signal("SIGKILL");
        await exited;
      }
    },
  };
}

/** TLS and a login everywhere, passwords in files. */
function settingsOf(servers: SecuredServers, names: Names): Env {
  const password = servers.file("pipeline-password");
  writeFileSync(password, `${passwords.pipeline}\n`, { mode: 0o600 });
  return {
    ...plainEnvironment(),
    STACK_DIR: join(servers.folder, "stack"),
    LOG_LEVEL: "info",
    KAFKA_TOPIC: names.topic,
    KAFKA_DEAD_LETTER_TOPIC: names.deadLetterTopic,
    KAFKA_EDIT_TOPIC: names.editTopic,
    KAFKA_CHANGE_TOPIC: `${names.topic}.changes`,
    CONSUMER_GROUP_ID: names.groupId,
    CASSANDRA_KEYSPACE: names.keyspace,
    KAFKA_BROKERS: servers.kafka.secured,
    KAFKA_TLS: "true",
    KAFKA_CA_FILE: servers.file("ca.crt"),
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: "pipeline",
    KAFKA_SASL_PASSWORD_FILE: password,
    CASSANDRA_CONTACT_POINTS: servers.cassandra,
    CASSANDRA_TLS: "true",
    CASSANDRA_CA_FILE: servers.file("ca.crt"),
    CASSANDRA_USERNAME: "pipeline",
    CASSANDRA_PASSWORD_FILE: password,
    SCHEMA_REGISTRY_URL: servers.registry.login,
    SCHEMA_REGISTRY_CA_FILE: servers.file("ca.crt"),
    SCHEMA_REGISTRY_USERNAME: "pipeline",
    SCHEMA_REGISTRY_PASSWORD_FILE: password,
    POSTGRES_URL: servers.postgresUrl("pipeline"),
    POSTGRES_PASSWORD_FILE: password,
    POSTGRES_SSLMODE: "verify-full",
    POSTGRES_CA_FILE: servers.file("ca.crt"),
  };
}

/** Lets a principal do everything with the topics and groups whose names begin with a test's own, and Spark's groups. */
export async function allow(servers: SecuredServers, user: string, { topic }: Pick<Names, "topic">) {
  const admin = openKafka(servers.asAdmin.KafkaConfig, "test", openLog("test", "fatal")).admin();
  await admin.connect();
  const { TOPIC, GROUP } = AclResourceTypes;
  const resources = [[TOPIC, topic] as const, [GROUP, topic] as const, [GROUP, "spark-kafka-"] as const];
  const acl = resources.map(([resourceType, resourceName]) => ({
    resourceType,
    resourceName,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: `User:${user}`,
    host: "*",
    operation: AclOperationTypes.ALL,
    permissionType: AclPermissionTypes.ALLOW,
  }));
  await admin.createAcls({ acl });
  await admin.disconnect();
}

import { basename } from "node:path";
import { type Config, loadConfig } from "../../sources/config.ts";
import { freePort } from "./free-port.ts";

/** A test file's own names on the shared services, and the settings that contain them. */
export interface Names {
  topic: string;
  deadLetterTopic: string;
  editTopic: string;
  groupId: string;
  keyspace: string;
  /** This process's environment with the names, for programs started by the test. */
  env: Record<string, string>;
  config: Config;
}

/**
 * Unique names: `namesOf(import.meta.path)`. They start with the file's name, so that the data left by a failed test can
 * be found and inspected. `env` overrides settings for this file's programs.
 */
export function namesOf(file: string, env: Record<string, string> = {}): Names {
  const stem = basename(file)
    .replace(/\.test\.ts$/, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_");
  const unique = `${Date.now().toString(36)}${Math.floor(Math.random() * 36 ** 3).toString(36)}`;
  const name = `t_${stem.slice(0, 30)}_${unique}`;
  const names = {
    topic: name,
    deadLetterTopic: `${name}.dlq`,
    editTopic: `${name}.edited`,
    groupId: `${name}.cassandra`,
    keyspace: name,
  };
  const settings = {
    ...(process.env as Record<string, string>),
    KAFKA_TOPIC: names.topic,
    KAFKA_DEAD_LETTER_TOPIC: names.deadLetterTopic,
    KAFKA_EDIT_TOPIC: names.editTopic,
    KAFKA_CHANGE_TOPIC: `${name}.changes`,
    CONSUMER_GROUP_ID: names.groupId,
    CASSANDRA_KEYSPACE: names.keyspace,
    // Not that of the stack's consumer, which could be taken while it restarts.
    CONSUMER_PORT: String(freePort()),
    ...env,
  };
  return { ...names, env: settings, config: loadConfig(settings) };
}

import { basename } from "node:path";
import { type Config, loadConfig } from "../../runtime/config.ts";

/** What one test file has to itself on the services that all share, and the settings that say so. */
export interface Names {
  topic: string;
  deadLetterTopic: string;
  groupId: string;
  keyspace: string;
  /** This process's environment with the names in it: for programs that the test starts. */
  env: Record<string, string>;
  config: Config;
}

/**
 * Names that nothing else uses: `namesOf(import.meta.path)`. They begin like the file, so that what a failed test leaves
 * behind can be found and looked at. `env` overrides settings for this file's programs.
 */
export function namesOf(file: string, env: Record<string, string> = {}): Names {
  const stem = basename(file)
    .replace(/\.test\.ts$/, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_");
  const unique = `${Date.now().toString(36)}${Math.floor(Math.random() * 36 ** 3).toString(36)}`;
  const name = `t_${stem.slice(0, 30)}_${unique}`;
  const names = { topic: name, deadLetterTopic: `${name}.dlq`, groupId: `${name}.cassandra`, keyspace: name };
  const settings = {
    ...(process.env as Record<string, string>),
    KAFKA_TOPIC: names.topic,
    KAFKA_DEAD_LETTER_TOPIC: names.deadLetterTopic,
    KAFKA_CHANGE_TOPIC: `${name}.changes`,
    CONSUMER_GROUP_ID: names.groupId,
    CASSANDRA_KEYSPACE: names.keyspace,
    ...env,
  };
  return { ...names, env: settings, config: loadConfig(settings) };
}

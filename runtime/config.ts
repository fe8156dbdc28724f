import { existsSync, readFileSync } from "node:fs";
import { listSettings, Settings } from "./settings.ts";

/** The settings with every address filled in. */
export type Config = ReturnType<typeof resolveConfig>;

/** Lists every fault of the configuration, each with the key and the variable that would fix it. */
export class ConfigError extends Error {
  override name = "ConfigError";
  constructor(readonly faults: readonly string[]) {
    super(`configuration is wrong:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  }
}

/**
 * `config.yaml` (its text) overridden by the environment. Pure.
 * @throws ConfigError that lists every fault
 */
export function resolveConfig(yaml: string, env: Record<string, string | undefined>, file = "config.yaml") {
  const settings = listSettings();
  const raw = withoutNulls((Bun.YAML.parse(yaml) as Record<string, unknown> | null) ?? {});
  for (const { path, env: name } of settings) {
    const value = env[name];
    if (value !== undefined && value !== "") assign(raw, path, value);
  }
  const parsed = Settings.safeParse(raw);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const key = issue.path.join(".");
      const name = settings.find(({ path }) => path.every((part, index) => part === issue.path[index]))?.env;
      return `${key || "(top level)"}: ${issue.message}; set it in ${file}${name ? ` or by ${name}` : ""}`;
    });
    throw new ConfigError(faults);
  }
  const { ports: configured, ...rest } = parsed.data;
  const ports = offsetPorts(configured, rest.portOffset, env);
  const local = (number: number) => `127.0.0.1:${number}`;
  return {
    ...rest,
    ports,
    randomuser: { url: rest.randomuser.url ?? rest.randomuser.embeddedUrl ?? `http://${local(ports.source)}/api/1.4/` },
    kafka: { ...rest.kafka, brokers: rest.kafka.brokers ?? [local(ports.kafka)] },
    schemaRegistry: { url: rest.schemaRegistry.url ?? `http://${local(ports.schemaRegistry)}/apis/ccompat/v7` },
    postgres: { url: rest.postgres.url ?? `postgres://users@${local(ports.postgres)}/users` },
    cassandra: { ...rest.cassandra, contactPoints: rest.cassandra.contactPoints ?? [local(ports.cassandra)] },
  };
}

/**
 * Every port moved by the offset, except those set by their own variable.
 * @throws ConfigError that lists the ports that would exceed 65535
 */
function offsetPorts<T extends Record<string, number>>(
  ports: T,
  offset: number,
  env: Record<string, string | undefined>,
) {
  const faults: string[] = [];
  const settings = listSettings().filter(({ path }) => path[0] === "ports");
  const moved = settings.map(({ path: [, key = ""], env: name }) => {
    const port = (ports[key] ?? 0) + (env[name] ? 0 : offset);
    if (port > 65_535) faults.push(`ports.${key}: PORT_OFFSET moves it to ${port}; lower that, or set ${name}`);
    return [key, port];
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.fromEntries(moved) as T;
}

/** Reads `CONFIG_FILE`, or `config.yaml` in the working folder if it exists, and the environment. For `main` only. */
export function loadConfig(env = process.env): Config {
  const file = env.CONFIG_FILE ?? "config.yaml";
  if (env.CONFIG_FILE && !existsSync(file)) throw new ConfigError([`CONFIG_FILE names ${file}, which does not exist`]);
  return resolveConfig(existsSync(file) ? readFileSync(file, "utf8") : "", env, file);
}

/** Drops keys without a value, such as `randomuser:` when everything below it is commented out. */
function withoutNulls(settings: Record<string, unknown>): Record<string, unknown> {
  const isGroup = (value: unknown) => typeof value === "object" && !Array.isArray(value);
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, isGroup(value) ? withoutNulls(value as Record<string, unknown>) : value]),
  );
}

function assign(target: Record<string, unknown>, path: string[], value: unknown) {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  target[key] ??= {};
  assign(target[key] as Record<string, unknown>, rest, value);
}

import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { certificateFaults, type TlsFiles } from "./certificate-files.ts";
import { impossibleCombinations } from "./impossible-combinations.ts";
import { sslmodes } from "./server-settings.ts";
import { listSettings, type SettingInfo } from "./setting.ts";
import { Settings } from "./settings.ts";

type Env = Record<string, string | undefined>;

/** The settings with every address filled in. */
export type Config = Omit<ReturnType<typeof resolveSettings>, "added">;

/** A value in the file that has no effect, because a variable overrides it. */
export interface Override {
  key: string;
  env: string;
}

/** A value that is wrong: its place in the file, and the variable that overrides it. */
export interface WrongValue {
  path: string[];
  env?: string;
}

/**
 * Lists every fault of the configuration, each with the key and the variable that would fix it. Without `wrong` values
 * the rest could be used; there are none if the file as a whole is wrong.
 */
export class ConfigError extends Error {
  override name = "ConfigError";
  constructor(
    readonly faults: readonly string[],
    readonly wrong: readonly WrongValue[] = [],
  ) {
    super(`configuration is wrong:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  }
}

/**
 * A configuration file (its text) overridden by the environment. `added` are settings that are not in `Settings`, by
 * their keys; their values are in `added` too. Pure.
 * @throws ConfigError that lists every fault
 */
export function resolveSettings(added: Record<string, z.ZodType>, yaml: string, env: Env, file: string) {
  const schema = z.strictObject({ ...added, ...Settings.shape });
  const settings = listSettings(schema);
  const given = parseYaml(yaml, file);
  const raw = structuredClone(given);
  for (const { path, env: name, isFile } of settings) {
    const written = at(given, path);
    if (isFile && typeof written === "string") assign(raw, path, resolve(dirname(file), written));
    if (env[name]) assign(raw, path, env[name]);
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const { issues } = parsed.error;
    const faults = issues.map((issue) => faultOf(issue, settings, file));
    throw new ConfigError(
      faults,
      issues.flatMap((issue) => wrongIn(issue, settings)),
    );
  }

  const values = parsed.data as z.output<typeof Settings>;
  const keysOf = (shape: object) => Object.keys(shape) as (keyof typeof values)[];
  const own = Object.fromEntries(keysOf(Settings.shape).map((key) => [key, values[key]])) as typeof values;
  const impossible = impossibleCombinations(own, env);
  if (impossible.length > 0)
    throw new ConfigError(
      impossible.map(({ key, what, cure }) => `${key}: ${what}; ${cure(file, settings)}`),
      impossible.map(({ key }) => wrongAt(key.split("."), settings)),
    );
  const ports = offsetPorts(own.ports, own.portOffset, env);
  return {
    ...own,
    ports,
    ...serversOf(own, ports, env),
    added: Object.fromEntries(keysOf(added).map((key): [string, unknown] => [key, values[key]])),
    overridden: overriddenBy(settings, given, env, { ...values, ports }),
  };
}

/** The servers, with every address filled in. */
function serversOf(own: z.output<typeof Settings>, ports: z.output<typeof Settings>["ports"], env: Env) {
  const local = (number: number) => `127.0.0.1:${number}`;
  const { kafka, schemaRegistry, cassandra } = own;
  const postgres = { ...own.postgres, url: own.postgres.url ?? `postgres://users@${local(ports.postgres)}/users` };
  const inUrl = new URL(postgres.url).searchParams.get("sslmode");
  // Contact points that a variable sets, as the native stack does, win over a bundle in the file.
  const hasBundle = !env.CASSANDRA_CONTACT_POINTS || Boolean(env.CASSANDRA_SECURE_CONNECT_BUNDLE);
  return {
    kafka: { ...kafka, brokers: kafka.brokers ?? [local(ports.kafka)] },
    schemaRegistry: {
      ...schemaRegistry,
      url: schemaRegistry.url ?? `http://${local(ports.schemaRegistry)}/apis/ccompat/v7`,
    },
    postgres: { ...postgres, sslmode: postgres.sslmode ?? sslmodes.find((mode) => mode === inUrl) ?? "disable" },
    cassandra: {
      ...cassandra,
      contactPoints: cassandra.contactPoints ?? [local(ports.cassandra)],
      secureConnectBundle: hasBundle ? cassandra.secureConnectBundle : undefined,
    },
  };
}

/** A file's settings, without keys that have no value, such as `randomuser:` when all below it is commented out. */
function parseYaml(yaml: string, file: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = Bun.YAML.parse(yaml) ?? {};
  } catch (error) {
    throw new ConfigError([`${file} is not valid YAML: ${(error as Error).message}`]);
  }
  if (!isGroup(content)) throw new ConfigError([`${file} must contain settings, \`key: value\``]);
  return withoutNulls(content);
}

/** `key: what is wrong; where to set it`, without the value, which may be secret. */
function faultOf(issue: z.core.$ZodIssue, settings: SettingInfo[], file: string): string {
  const key = issue.path.join(".");
  if (issue.code === "unrecognized_keys")
    return `${key || "(top level)"}: ${issue.message}; correct it in ${file}, or remove it`;
  const name = settings.find(({ path }) => path.every((part, index) => part === issue.path[index]))?.env;
  return `${key || "(top level)"}: ${issue.message}; set it in ${file}${name ? ` or by ${name}` : ""}`;
}

function wrongIn(issue: z.core.$ZodIssue, settings: SettingInfo[]): WrongValue[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => ({ path: [...path, key] }));
  return [wrongAt(path, settings)];
}

function wrongAt(path: string[], settings: readonly SettingInfo[]): WrongValue {
  const setting = settings.find((each) => each.path.every((part, index) => part === path[index]));
  return { path: setting?.path ?? path, ...(setting && { env: setting.env }) };
}

/**
 * The settings in the file that would have another value if their variable was not set. Those that a secure stack sets
 * for a command, named in SET_BY_STACK, are none of the user's.
 */
function overriddenBy(
  settings: SettingInfo[],
  given: object,
  env: Env,
  values: { portOffset: number; [key: string]: unknown },
): Override[] {
  const byStack = new Set(env.SET_BY_STACK?.split(","));
  return settings
    .filter(({ path, env: name, schema }) => {
      const written = at(given, path);
      if (!env[name] || written === undefined || byStack.has(name)) return false;
      const parsed = schema.safeParse(written);
      const alone = path[0] === "ports" ? Number(parsed.data) + values.portOffset : parsed.data;
      return !parsed.success || !Bun.deepEquals(alone, at(values, path));
    })
    .map(({ path, env: name }) => ({ key: path.join("."), env: name }));
}

/**
 * Every port moved by the offset, except those set by their own variable.
 * @throws ConfigError that lists the ports that would exceed 65535
 */
function offsetPorts<T extends Record<string, number>>(ports: T, offset: number, env: Env) {
  const faults: string[] = [];
  const moved = listSettings(Settings.shape.ports).map(({ path: [key = ""], env: name }) => {
    const port = (ports[key] ?? 0) + (env[name] ? 0 : offset);
    if (port > 65_535) faults.push(`ports.${key}: PORT_OFFSET moves it to ${port}; lower that, or set ${name}`);
    return [key, port];
  });
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.fromEntries(moved) as T;
}

/**
 * The file that `CONFIG_FILE` names, or `config.yaml` in the working folder, and its text, which is empty if there is no
 * config.yaml.
 */
export function readConfigFile(env: Env): { file: string; yaml: string } {
  const file = env.CONFIG_FILE ?? "config.yaml";
  if (env.CONFIG_FILE && !existsSync(file)) throw new ConfigError([`CONFIG_FILE names ${file}, which does not exist`]);
  return { file, yaml: existsSync(file) ? readFileSync(file, "utf8") : "" };
}

/**
 * The environment with the secrets that are in files: VARIABLE has the text of the file that VARIABLE_FILE names, without
 * the line break at its end.
 * @throws ConfigError that lists every fault
 */
export function withSecretFiles(settings: readonly SettingInfo[], env: Env): Env {
  const faults: { fault: string; wrong: WrongValue }[] = [];
  const texts: Env = {};
  for (const { path, env: name } of settings.filter(({ secret }) => secret)) {
    const fileVariable = `${name}_FILE`;
    const file = env[fileVariable];
    if (!file) continue;
    const note = (what: string) =>
      faults.push({ fault: `${path.join(".")}: ${what}`, wrong: { path: [], env: fileVariable } });
    const unreadable = whyUnreadable(file);
    if (env[name]) note(`${name} and ${fileVariable} are both set; remove one of them`);
    else if (unreadable !== undefined) note(`${fileVariable} names ${file}, ${unreadable}`);
    else texts[name] = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    if (texts[name] === "") note(`${fileVariable} names ${file}, which is empty; write the value into it`);
  }
  if (faults.length > 0)
    throw new ConfigError(
      faults.map(({ fault }) => fault),
      faults.map(({ wrong }) => wrong),
    );
  return { ...env, ...texts };
}

/** @throws ConfigError that lists the files that settings name and that cannot be read */
export function checkFiles(settings: readonly SettingInfo[], config: Record<string, unknown>, file: string): void {
  const faults = settings.flatMap(({ path, env, isFile }) => {
    const name = isFile ? at(config, path) : undefined;
    const why = typeof name === "string" ? whyUnreadable(name) : undefined;
    if (why === undefined) return [];
    return [
      { fault: `${path.join(".")}: names ${name}, ${why}; set it in ${file} or by ${env}`, wrong: { path, env } },
    ];
  });
  if (faults.length === 0) faults.push(...certificateFaultsIn(settings, config, file));
  if (faults.length > 0)
    throw new ConfigError(
      faults.map(({ fault }) => fault),
      faults.map(({ wrong }) => wrong),
    );
}

function certificateFaultsIn(settings: readonly SettingInfo[], config: Record<string, unknown>, file: string) {
  const groups = new Set(settings.filter(({ isFile }) => isFile).map(({ path: [group = ""] }) => group));
  return [...groups].flatMap((group) =>
    certificateFaults((config[group] ?? {}) as TlsFiles).map(({ key, what }) => {
      const setting = settings.find(({ path }) => path[0] === group && path[1] === key);
      const env = setting?.env ?? "";
      return { fault: `${group}.${key}: ${what}; set it in ${file} or by ${env}`, wrong: { path: [group, key], env } };
    }),
  );
}

function whyUnreadable(file: string): string | undefined {
  try {
    if (!statSync(file).isFile()) return "which is not a file";
    closeSync(openSync(file, "r"));
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code === "ENOENT" ? "which does not exist" : "which this account cannot read";
  }
}

/** The text of a file without some values, and the environment without their variables. */
export function without(wrong: readonly WrongValue[], yaml: string, env: Env): { yaml: string; env: Env } {
  const settings = (Bun.YAML.parse(yaml) ?? {}) as Record<string, unknown>;
  for (const { path } of wrong) {
    const group = at(settings, path.slice(0, -1));
    if (isGroup(group)) delete group[path.at(-1) ?? ""];
    else if (path.length > 1) delete settings[path[0] ?? ""]; // a value where a group belongs
  }
  const variables = new Set(wrong.map((value) => value.env));
  return {
    yaml: Bun.YAML.stringify(settings),
    env: Object.fromEntries(Object.entries(env).filter(([name]) => !variables.has(name))),
  };
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function withoutNulls(settings: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, isGroup(value) ? withoutNulls(value) : value]),
  );
}

const at = (value: unknown, path: string[]): unknown =>
  path.reduce((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);

function assign(target: Record<string, unknown>, [key = "", ...rest]: string[], value: unknown) {
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  target[key] ??= {};
  if (isGroup(target[key])) assign(target[key], rest, value); // the schema refuses anything else
}

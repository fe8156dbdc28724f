/** The configuration of every program: the runtime's settings, and those that each source declares. */
import { z } from "zod";
import { shownAddress } from "../runtime/addresses.ts";
import {
  ConfigError,
  checkFiles,
  type Config as RuntimeConfig,
  readConfigFile,
  resolveSettings,
  type WrongValue,
  without,
  withSecretFiles,
} from "../runtime/config.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { listSettings, setting } from "../runtime/setting.ts";
import { Settings } from "../runtime/settings.ts";
import { sources } from "./catalogue.ts";
import type { Source, SourceRequest } from "./source.ts";

export interface Config extends RuntimeConfig {
  /** The name of the source of users. */
  source: string;
  /** Each source's own settings, by its name. */
  sources: Record<string, unknown>;
  /** The file that was read, or would have been. */
  file: string;
}

const names = [...sources.keys()];
const added = {
  source: setting(
    z
      .enum(names, `must be one of: ${names.join(", ")}; if its file is new in sources/, run \`bun run contract\``)
      .default("randomuser"),
    "USERS_SOURCE",
    `Source of users: ${names.join(", ")}.`,
  ),
  ...Object.fromEntries([...sources].map(([name, { settings }]) => [name, settings.prefault({})])),
};

/** The settings that depend on which sources there are. */
export const sourceSettings = listSettings(z.strictObject(added));

/** Every setting, in the order of config.yaml. */
export const allSettings = [...sourceSettings, ...listSettings(Settings)];

/**
 * The text of a configuration file, overridden by the environment. Pure.
 * @throws ConfigError that lists every fault
 */
export function resolveConfig(yaml: string, env: Record<string, string | undefined>, file = "config.yaml"): Config {
  const { added: values, ...config } = resolveSettings(added, yaml, env, file);
  const { source, ...ofSources } = values;
  return { ...config, source: source as string, sources: ofSources, file };
}

/** Reads `CONFIG_FILE`, or `config.yaml` in the working folder if it exists, and the environment. For `main` only. */
export function loadConfig(env = process.env): Config {
  const { file, yaml } = readConfigFile(env);
  return resolveWithFiles(yaml, env, file);
}

/** The configuration with what the files that it names hold. */
function resolveWithFiles(yaml: string, env: Record<string, string | undefined>, file: string): Config {
  const config = resolveConfig(yaml, withSecretFiles(allSettings, env), file);
  checkFiles(allSettings, { ...config, ...config.sources }, file);
  return config;
}

/**
 * The configuration without the values that are wrong, and what is wrong. It helps to look for the cause of a fault; a
 * program must not run with it.
 */
export function salvageConfig(given = process.env): { config: Config; faults: string[] } {
  const faults = new Set<string>();
  let [file, yaml, env]: [string, string, Record<string, string | undefined>] = ["config.yaml", "", given];
  const note = (error: unknown): readonly WrongValue[] => {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) faults.add(fault);
    return error.wrong;
  };
  try {
    ({ file, yaml } = readConfigFile(env));
  } catch (error) {
    note(error);
  }
  for (const isLast of [false, false, false, true])
    try {
      return { config: resolveWithFiles(isLast ? "" : yaml, isLast ? {} : env, file), faults: [...faults] };
    } catch (error) {
      const wrong = note(error);
      if (wrong.length > 0) ({ yaml, env } = without(wrong, yaml, env));
      else yaml = "";
    }
  throw new Error("the defaults of the settings are wrong");
}

/**
 * A program's configuration and its log, whose first event names the values in the file that have no effect because a
 * variable overrides them. For `main` only.
 */
export function configure(program: string): { config: Config; log: Log } {
  const config = loadConfig();
  const log = openLog(program, config.log.level);
  const { file, overridden } = config;
  if (overridden.length > 0)
    log.info("variables override values in the file", { file, overridden: overridden.map(shownOverride).join(", ") });
  return { config, log };
}

/** A sentence for people, if a variable overrides a value in the file. */
export const overridesIn = ({ file, overridden }: Config): string[] =>
  overridden.length === 0 ? [] : [`Variables override values in ${file}: ${overridden.map(shownOverride).join(", ")}`];

/** `key (VARIABLE)`, without the values, which may be secret. */
export const shownOverride = ({ key, env }: Config["overridden"][number]) => `${key} (${env})`;

/** The source that the configuration names, with its settings. */
export interface ConfiguredSource extends Source {
  requestFor(asked: SourceRequest): Request;
  /** The values of its secret settings. */
  secrets: string[];
}

export const configuredSource = ({ source, sources: settings, ports }: Config) =>
  configured(sources.get(source) as Source, settings[source], ports);

export function configured(source: Source, settings: unknown, ports: Config["ports"]): ConfiguredSource {
  const values = settings as Record<string, unknown>;
  const secrets = listSettings(source.settings).filter(({ path: [key = ""], secret }) => secret && values[key]);
  return {
    ...source,
    requestFor: (asked) => source.request(asked, settings, ports),
    secrets: secrets.map(({ path: [key = ""] }) => String(values[key])),
  };
}

/** The address that users come from, safe to show. */
export const sourceAddress = (config: Config) =>
  shownAddress(configuredSource(config).requestFor({ users: 1, page: 1, seed: "", nationalities: [] }).url);

/** The embedded source's address, safe to show, if users come from it. */
export const embeddedSource = (config: Config, env: Record<string, string | undefined>) =>
  usesEmbeddedSource(config, env) ? { sourceUrl: sourceAddress(config) } : {};

/** Whether users come from the embedded source, on this machine or at its address in the environment. */
export function usesEmbeddedSource(config: Config, env: Record<string, string | undefined>): boolean {
  const { host } = new URL(sourceAddress(config));
  const { EMBEDDED_SOURCE_URL: given } = env;
  const own = ["127.0.0.1", "localhost"].map((name) => `${name}:${config.ports.source}`);
  return own.includes(host) || (given !== undefined && URL.canParse(given) && new URL(given).host === host);
}

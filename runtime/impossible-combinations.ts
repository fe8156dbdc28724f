import type { z } from "zod";
import { sslmodes } from "./server-settings.ts";
import type { SettingInfo } from "./setting.ts";
import type { Settings } from "./settings.ts";

type Values = z.output<typeof Settings>;
type Env = Record<string, string | undefined>;

/** A setting that cannot be used with the others as they are. */
export interface ImpossibleCombination {
  /** The setting, `kafka.keyFile`. */
  key: string;
  what: string;
  /** What to do, given the configuration file's name and all settings. */
  cure: (file: string, settings: readonly SettingInfo[]) => string;
}

/**
 * Settings that contradict one another, or that need another one. A variable wins over the file here too: if KAFKA_TLS
 * says no, certificates have no effect and are no fault. Pure.
 */
export function impossibleCombinations(values: Values, env: Env): ImpossibleCombination[] {
  return [
    ...ofKafka(values.kafka, env),
    ...ofRegistry(values.schemaRegistry),
    ...ofPostgres(values.postgres, env),
    ...ofCassandra(values.cassandra, env),
    ...loginOf("connect", values.connect),
    ...ofApi(values.api),
    ...["kafka", "schemaRegistry", "postgres", "cassandra", "connect", "api", "console"].flatMap((group) =>
      pairOf(group, values),
    ),
  ];
}

const needs = (key: string, other: string, why = `needs ${other}`): ImpossibleCombination => ({
  key,
  what: why,
  cure(file, settings) {
    const { env } = settings.find(({ path }) => path.join(".") === other) ?? {};
    return `set that in ${file} or by ${env}`;
  },
});

const useless = (key: string, why: string): ImpossibleCombination => ({
  key,
  what: why,
  cure: (file, settings) => `remove it from ${file} or ${settings.find(({ path }) => path.join(".") === key)?.env}`,
});

const ofApi = ({ token, tokens = [] }: Values["api"]): ImpossibleCombination[] =>
  tokens.some((named) => named.token === token)
    ? [useless("api.token", "is one of api.tokens too, so the author of an edit would be unknown")]
    : [];

/** Those of a group's keys that are set. */
const given = <T extends object>(group: T, keys: readonly (keyof T & string)[]) =>
  keys.filter((key) => group[key] !== undefined);

function pairOf(group: string, values: Values): ImpossibleCombination[] {
  const { certificateFile, keyFile } = values[group as "kafka"];
  if ((certificateFile === undefined) === (keyFile === undefined)) return [];
  const [has, lacks] = keyFile === undefined ? ["certificateFile", "keyFile"] : ["keyFile", "certificateFile"];
  return [needs(`${group}.${has}`, `${group}.${lacks}`)];
}

function loginOf(group: string, { username, password }: { username?: string; password?: string }) {
  if ((username === undefined) === (password === undefined)) return [];
  const [has, lacks] = password === undefined ? ["username", "password"] : ["password", "username"];
  return [needs(`${group}.${has}`, `${group}.${lacks}`)];
}

const certificates = ["caFile", "certificateFile", "keyFile", "serverName"] as const;

function ofKafka(kafka: Values["kafka"], env: Env): ImpossibleCombination[] {
  const { tls, saslMechanism } = kafka;
  const withoutTls = tls || env.KAFKA_TLS ? [] : given(kafka, certificates);
  const needed = {
    none: [],
    plain: ["saslUsername", "saslPassword"],
    "scram-sha-256": ["saslUsername", "saslPassword"],
    "scram-sha-512": ["saslUsername", "saslPassword"],
    oauthbearer: ["oauthTokenUrl", "oauthClientId", "oauthClientSecret"],
  } as const;
  const optional = saslMechanism === "oauthbearer" ? ["oauthScope"] : [];
  const used: readonly string[] = [...needed[saslMechanism], ...optional];
  const all = [
    "saslUsername",
    "saslPassword",
    "oauthTokenUrl",
    "oauthClientId",
    "oauthClientSecret",
    "oauthScope",
  ] as const;
  const unused = env.KAFKA_SASL_MECHANISM ? [] : given(kafka, all).filter((key) => !used.includes(key));
  return [
    ...withoutTls.map((key) => needs(`kafka.${key}`, "kafka.tls", "has no effect while kafka.tls is false")),
    ...needed[saslMechanism]
      .filter((key) => kafka[key] === undefined)
      .map((key) => needs("kafka.saslMechanism", `kafka.${key}`, `${saslMechanism} needs kafka.${key}`)),
    ...unused.map((key) =>
      needs(`kafka.${key}`, "kafka.saslMechanism", `has no effect while kafka.saslMechanism is ${saslMechanism}`),
    ),
  ];
}

function ofRegistry(registry: Values["schemaRegistry"]): ImpossibleCombination[] {
  const url = registry.url === undefined ? undefined : new URL(registry.url);
  const hasLogin = url !== undefined && (url.username !== "" || url.password !== "");
  const second = given(registry, ["username", "token"]);
  if (registry.token !== undefined && registry.username !== undefined)
    return [useless("schemaRegistry.token", "cannot be used together with schemaRegistry.username")];
  return [
    ...(hasLogin ? second : []).map((key) =>
      useless(`schemaRegistry.${key}`, "cannot be used together with the login in schemaRegistry.url"),
    ),
    ...loginOf("schemaRegistry", registry),
  ];
}

function ofPostgres(postgres: Values["postgres"], env: Env): ImpossibleCombination[] {
  const inUrl = postgres.url === undefined ? undefined : new URL(postgres.url).searchParams.get("sslmode");
  const mode = postgres.sslmode ?? inUrl ?? "disable";
  if (!sslmodes.some((each) => each === mode))
    return [needs("postgres.url", "postgres.sslmode", `has sslmode=${mode}, which is none of ${sslmodes.join(", ")}`)];
  const unused =
    mode === "disable"
      ? given(postgres, ["caFile", "certificateFile", "keyFile"])
      : mode.startsWith("verify-")
        ? []
        : given(postgres, ["caFile"]);
  if (env.POSTGRES_SSLMODE) return [];
  return unused.map((key) =>
    needs(`postgres.${key}`, "postgres.sslmode", `has no effect while postgres.sslmode is ${mode}`),
  );
}

function ofCassandra(cassandra: Values["cassandra"], env: Env): ImpossibleCombination[] {
  const { tls, secureConnectBundle } = cassandra;
  const login = loginOf("cassandra", cassandra);
  if (secureConnectBundle === undefined) {
    const withoutTls = tls || env.CASSANDRA_TLS ? [] : given(cassandra, certificates);
    return [
      ...login,
      ...withoutTls.map((key) =>
        needs(`cassandra.${key}`, "cassandra.tls", "has no effect while cassandra.tls is false"),
      ),
    ];
  }
  const arePointsByVariable = Boolean(env.CASSANDRA_CONTACT_POINTS);
  const isBundleByVariable = Boolean(env.CASSANDRA_SECURE_CONNECT_BUNDLE);
  const own = given(
    cassandra,
    arePointsByVariable === isBundleByVariable ? ["contactPoints", ...certificates] : certificates,
  );
  return [
    ...login,
    ...own.map((key) =>
      useless(`cassandra.${key}`, "cannot be used together with cassandra.secureConnectBundle, which has its own"),
    ),
  ];
}

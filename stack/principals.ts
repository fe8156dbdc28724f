import { mayUse, type Principal, passwordFrom, type Server } from "../operations/access/principals.ts";
import { authorityOf, certificateOf, operatorCertificate, trustedBy } from "./certificates.ts";
import type { Instance } from "./instance.ts";

/** A password that exists only on this stack, the same at every call: a principal has another one for each server. */
export const passwordOf = ({ secrets }: Pick<Instance, "secrets">, principal: string, server: string) =>
  passwordFrom(secrets.logins, principal, server);

/** What a principal's programs need to use a secure stack, besides addresses, as environment variables. */
export function loginsOf(instance: Instance, principal: Principal): Record<string, string> {
  const caFile = authorityOf(instance);
  const password = (server: Server) => passwordOf(instance, principal, server);
  const variables: Record<Server, Record<string, string>> = {
    kafka: {
      KAFKA_TLS: "true",
      KAFKA_CA_FILE: caFile,
      KAFKA_SASL_MECHANISM: "plain",
      KAFKA_SASL_USERNAME: principal,
      KAFKA_SASL_PASSWORD: password("kafka"),
    },
    cassandra: {
      CASSANDRA_TLS: "true",
      CASSANDRA_CA_FILE: caFile,
      CASSANDRA_USERNAME: principal,
      CASSANDRA_PASSWORD: password("cassandra"),
    },
    registry: {
      SCHEMA_REGISTRY_CA_FILE: caFile,
      SCHEMA_REGISTRY_USERNAME: principal,
      SCHEMA_REGISTRY_PASSWORD: password("registry"),
    },
    postgres: { POSTGRES_SSLMODE: "verify-full", POSTGRES_CA_FILE: caFile },
    connect: {
      CONNECT_CA_FILE: caFile,
      CONNECT_CERTIFICATE_FILE: operatorCertificate(instance).certificate,
      CONNECT_KEY_FILE: operatorCertificate(instance).key,
    },
    airflow: { AIRFLOW_PASSWORD: passwordOf(instance, "admin", "airflow") },
  };
  const own = Object.entries(variables).filter(([server]) => mayUse(principal, server as Server));
  return Object.assign(
    { MANAGE_SCHEMA: String(principal === "admin") },
    ...own.map(([, values]) => values),
    overHttps(instance, principal),
  );
}

/** For programs that serve HTTPS, and for those that ask them. A token that was set is kept. */
function overHttps(instance: Instance, principal: Principal): Record<string, string> {
  const { config, env } = instance;
  const API_TOKEN = config.api.token ?? passwordOf(instance, "operate", "api");
  const CONSOLE_TOKEN = config.console.token ?? passwordOf(instance, "operate", "console");
  const API_PROTECT = env.API_PROTECT || "all";
  const NODE_EXTRA_CA_CERTS = trustedBy(instance, env);
  const certificate = (name: "api" | "console") => certificateOf(instance, name);
  switch (principal) {
    case "api":
      return {
        API_CERTIFICATE_FILE: certificate("api").certificate,
        API_KEY_FILE: certificate("api").key,
        API_TOKEN,
        API_PROTECT,
      };
    case "console":
      return {
        CONSOLE_CERTIFICATE_FILE: certificate("console").certificate,
        CONSOLE_KEY_FILE: certificate("console").key,
        CONSOLE_TOKEN,
        API_TOKEN,
        NODE_EXTRA_CA_CERTS,
      };
    case "operate":
    case "admin":
      return { API_TOKEN, API_PROTECT, CONSOLE_TOKEN, NODE_EXTRA_CA_CERTS };
    default:
      return {};
  }
}

import { z } from "zod";
import * as entity from "../contract/entity.ts";
import {
  address,
  count,
  file,
  flag,
  hostAndMaybePort,
  hostAndPort,
  list,
  password,
  secret,
  setting,
  text,
} from "./setting.ts";

/** The mechanisms of a SASL login; with `none`, clients do not log in. */
const saslMechanisms = ["none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer"] as const;
/** PostgreSQL's own: `prefer` uses TLS if the server has it, and only the last two check the server's certificate. */
export const sslmodes = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

const oneOf = <const T extends readonly string[]>(values: T) => z.enum(values, `must be one of: ${values.join(", ")}`);
const optional = (env: string, what: string, example?: string) =>
  setting(z.string().min(1).optional(), env, what, { ...(example && { example }) });

/** The servers that the programs connect to: where they are, how to log in, and what is on them. */
export const serverSettings = {
  kafka: z
    .strictObject({
      brokers: list(hostAndPort, "KAFKA_BROKERS", "Bootstrap brokers, host:port, separated by commas."),
      tls: flag(false, "KAFKA_TLS", "Whether the brokers are reached over TLS."),
      caFile: file(
        "KAFKA_CA_FILE",
        "Certificates (PEM) of the authorities that signed the brokers' certificates; if not set, the public ones.",
      ),
      certificateFile: file("KAFKA_CERTIFICATE_FILE", "Client certificate (PEM), if the brokers ask for one."),
      keyFile: file("KAFKA_KEY_FILE", "Private key (PEM) of the client certificate."),
      serverName: optional(
        "KAFKA_SERVER_NAME",
        "Name that the brokers' certificates must have; if not set, each broker's own host name.",
        "kafka.example.com",
      ),
      saslMechanism: setting(
        oneOf(saslMechanisms).default("none"),
        "KAFKA_SASL_MECHANISM",
        `How clients log in: ${saslMechanisms.join(", ")}.`,
      ),
      saslUsername: optional("KAFKA_SASL_USERNAME", "Username, for plain and scram."),
      saslPassword: password("KAFKA_SASL_PASSWORD", "Password, for plain and scram."),
      oauthTokenUrl: address(
        "KAFKA_OAUTH_TOKEN_URL",
        "URL that issues tokens for oauthbearer (OAuth 2.0 client credentials).",
        "https://login.example.com/oauth2/token",
      ),
      oauthClientId: optional("KAFKA_OAUTH_CLIENT_ID", "Client id, for oauthbearer."),
      oauthClientSecret: password("KAFKA_OAUTH_CLIENT_SECRET", "Client secret, for oauthbearer."),
      oauthScope: optional("KAFKA_OAUTH_SCOPE", "Scope to request a token for, if the issuer needs one."),
      topic: text(entity.topic, "KAFKA_TOPIC", `Topic of created ${entity.plural} (Avro, keyed by id).`),
      deadLetterTopic: text(
        entity.deadLetterTopic,
        "KAFKA_DEAD_LETTER_TOPIC",
        "Topic of dead letters: records that cannot be stored, with the reason.",
      ),
      changeTopic: text(
        entity.changeTopic,
        "KAFKA_CHANGE_TOPIC",
        "Topic of change events: Debezium publishes changes of the PostgreSQL table to it.",
      ),
      editTopic: text(
        entity.editTopic,
        "KAFKA_EDIT_TOPIC",
        "Topic of edits: every write of the API, before it is in Cassandra (Avro, keyed by id).",
      ),
      partitions: count(4, "KAFKA_PARTITIONS", "Number of partitions of newly created topics."),
      replicationFactor: count(1, "KAFKA_REPLICATION_FACTOR", "Replication factor of newly created topics."),
    })
    .prefault({}),
  schemaRegistry: z
    .strictObject({
      url: address(
        "SCHEMA_REGISTRY_URL",
        "URL of the Schema Registry (Confluent API).",
        "https://registry.example.com/apis/ccompat/v7",
      ),
      username: optional("SCHEMA_REGISTRY_USERNAME", "Username, if the registry needs a login."),
      password: password("SCHEMA_REGISTRY_PASSWORD", "Password of that login."),
      token: secret("SCHEMA_REGISTRY_TOKEN", "Bearer token, instead of a login."),
      caFile: file(
        "SCHEMA_REGISTRY_CA_FILE",
        "Certificates (PEM) of the authorities that signed the registry's certificate; if not set, the public ones.",
      ),
      certificateFile: file(
        "SCHEMA_REGISTRY_CERTIFICATE_FILE",
        "Client certificate (PEM), if the registry asks for one.",
      ),
      keyFile: file("SCHEMA_REGISTRY_KEY_FILE", "Private key (PEM) of the client certificate."),
    })
    .prefault({}),
  postgres: z
    .strictObject({
      url: setting(
        z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// URL" }).optional(),
        "POSTGRES_URL",
        "URL of PostgreSQL, postgres://login:password@host:port/database.",
        { example: "postgres://login@127.0.0.1:5432/users" },
      ),
      password: password("POSTGRES_PASSWORD", "Password, if the URL has none."),
      sslmode: setting(
        oneOf(sslmodes).optional(),
        "POSTGRES_SSLMODE",
        `TLS, as PostgreSQL's own clients name it: ${sslmodes.join(", ")}; if not set, the URL's sslmode, otherwise disable.`,
        { example: "verify-full" },
      ),
      caFile: file(
        "POSTGRES_CA_FILE",
        "Certificates (PEM) of the authorities that signed the server's certificate, for verify-ca and verify-full; if not set, the public ones.",
      ),
      certificateFile: file("POSTGRES_CERTIFICATE_FILE", "Client certificate (PEM), if the server asks for one."),
      keyFile: file("POSTGRES_KEY_FILE", "Private key (PEM) of the client certificate."),
    })
    .prefault({}),
  cassandra: z
    .strictObject({
      contactPoints: list(
        hostAndMaybePort,
        "CASSANDRA_CONTACT_POINTS",
        "Cassandra contact points, host or host:port, separated by commas.",
      ),
      localDataCenter: text("datacenter1", "CASSANDRA_LOCAL_DATA_CENTER", "Cassandra's local data centre."),
      keyspace: setting(
        z
          .string()
          .regex(/^[a-z][a-z0-9_]{0,47}$/, "must be a lower-case identifier of at most 48 characters")
          .default(entity.keyspace),
        "CASSANDRA_KEYSPACE",
        `Keyspace of the table ${entity.table}.`,
      ),
      replicationFactor: count(1, "CASSANDRA_REPLICATION_FACTOR", "Replication factor of a newly created keyspace."),
      username: optional("CASSANDRA_USERNAME", "Username, if the cluster needs a login; `token` for Astra."),
      password: password("CASSANDRA_PASSWORD", "Password of that login; for Astra the token, `AstraCS:…`."),
      tls: flag(false, "CASSANDRA_TLS", "Whether the nodes are reached over TLS."),
      caFile: file(
        "CASSANDRA_CA_FILE",
        "Certificates (PEM) of the authorities that signed the nodes' certificates; if not set, the public ones.",
      ),
      certificateFile: file("CASSANDRA_CERTIFICATE_FILE", "Client certificate (PEM), if the nodes ask for one."),
      keyFile: file("CASSANDRA_KEY_FILE", "Private key (PEM) of the client certificate."),
      serverName: optional(
        "CASSANDRA_SERVER_NAME",
        "Name that the nodes' certificates must have; if not set, each node's own address.",
        "cassandra.example.com",
      ),
      secureConnectBundle: file(
        "CASSANDRA_SECURE_CONNECT_BUNDLE",
        "Secure connect bundle (.zip) of an Astra database: its addresses and certificates, instead of the contact points and files above.",
        "secure-connect.zip",
      ),
    })
    .prefault({}),
  connect: z
    .strictObject({
      username: optional("CONNECT_USERNAME", "Username, if Kafka Connect's REST API needs a login."),
      password: password("CONNECT_PASSWORD", "Password of that login."),
      caFile: file(
        "CONNECT_CA_FILE",
        "Certificates (PEM) of the authorities that signed Kafka Connect's certificate; if not set, the public ones.",
      ),
      certificateFile: file("CONNECT_CERTIFICATE_FILE", "Client certificate (PEM), if Kafka Connect asks for one."),
      keyFile: file("CONNECT_KEY_FILE", "Private key (PEM) of the client certificate."),
    })
    .prefault({}),
};

import type { Names } from "../names.ts";
import { passwords } from "../secured-servers/passwords.ts";
import type { SecuredServers } from "../secured-servers/servers.ts";
import type { WrongSetting } from "./wrong-setting.ts";

export const wrongForKafka = (servers: SecuredServers, names: Names): WrongSetting[] => [
  {
    what: "an authority that Kafka's certificate is not of",
    program: "consumer",
    settings: { KAFKA_CA_FILE: servers.file("other-ca.crt") },
    says: ["not signed by an authority in kafka.caFile", "correct kafka.caFile (KAFKA_CA_FILE)"],
  },
  {
    what: "no authority for Kafka",
    program: "produce",
    settings: { KAFKA_CA_FILE: "" },
    says: ["not signed by a public authority", "set kafka.caFile (KAFKA_CA_FILE)"],
  },
  {
    what: "a wrong password for Kafka",
    program: "consumer",
    settings: { KAFKA_SASL_PASSWORD_FILE: "", KAFKA_SASL_PASSWORD: "wrong" },
    says: ["refuses the login (SCRAM-SHA-512)", "KAFKA_SASL_PASSWORD"],
  },
  {
    what: "another name than that of Kafka's certificate",
    program: "api",
    settings: { KAFKA_SERVER_NAME: "kafka.example.com" },
    says: ["is for other names", "correct kafka.serverName (KAFKA_SERVER_NAME)"],
  },
  {
    what: "an expired certificate of Kafka",
    program: "produce",
    settings: { KAFKA_BROKERS: servers.kafka.expired },
    says: ["its certificate has expired", "have its administrator renew it"],
  },
  {
    what: "no TLS for a Kafka that has it",
    program: "produce",
    settings: { KAFKA_TLS: "false" },
    says: ["it speaks TLS on this port", "set kafka.tls (KAFKA_TLS) to true"],
  },
  {
    what: "TLS for a Kafka without it",
    program: "consumer",
    settings: { KAFKA_BROKERS: servers.kafka.login },
    says: ["it does not speak TLS on this port", "set kafka.tls (KAFKA_TLS) to false"],
  },
  {
    what: "no login for a Kafka that needs one",
    program: "produce",
    settings: { KAFKA_SASL_MECHANISM: "none" },
    says: ["it needs a login (", "set kafka.saslMechanism (KAFKA_SASL_MECHANISM)"],
  },
  {
    what: "a mechanism that Kafka does not have",
    program: "produce",
    settings: { KAFKA_BROKERS: servers.kafka.login, KAFKA_TLS: "false" },
    says: ["it has no login by SCRAM-SHA-512, only by PLAIN", "set kafka.saslMechanism (KAFKA_SASL_MECHANISM)"],
  },
  {
    what: "a login for a Kafka that takes none",
    program: "produce",
    settings: { KAFKA_BROKERS: servers.kafka.plain, KAFKA_TLS: "false" },
    says: ["it takes no login on this port", "KAFKA_SASL_MECHANISM"],
  },
  {
    what: "no client certificate for a Kafka that asks for one",
    program: "produce",
    settings: { KAFKA_BROKERS: servers.kafka.certified, KAFKA_SASL_MECHANISM: "none" },
    says: ["client certificate", "kafka.certificateFile (KAFKA_CERTIFICATE_FILE)"],
  },
  {
    what: "a wrong secret for tokens",
    program: "produce",
    settings: {
      KAFKA_SASL_MECHANISM: "oauthbearer",
      KAFKA_OAUTH_TOKEN_URL: servers.tokenUrl,
      KAFKA_OAUTH_CLIENT_ID: "pipeline",
      KAFKA_OAUTH_CLIENT_SECRET: "wrong",
    },
    says: ["no token for Kafka", "invalid_client", "KAFKA_OAUTH_CLIENT_SECRET"],
  },
  {
    what: "a login without grants in Kafka",
    program: "produce",
    settings: {
      KAFKA_SASL_USERNAME: "stranger",
      KAFKA_SASL_PASSWORD_FILE: "",
      KAFKA_SASL_PASSWORD: passwords.stranger,
    },
    says: ["does not allow User:stranger", `--operation Create --topic ${names.topic}`],
  },
  {
    what: "a wrong password for Kafka, of an operator's command",
    program: "reconcile",
    settings: { KAFKA_SASL_PASSWORD_FILE: "", KAFKA_SASL_PASSWORD: "wrong" },
    says: ["refuses the login (SCRAM-SHA-512)", "KAFKA_SASL_PASSWORD"],
  },
];

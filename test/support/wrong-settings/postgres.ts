import { passwords } from "../secured-servers/passwords.ts";
import type { SecuredServers } from "../secured-servers/servers.ts";
import type { WrongSetting } from "./wrong-setting.ts";

export const wrongForPostgres = (servers: SecuredServers): WrongSetting[] => [
  {
    what: "an authority that PostgreSQL's certificate is not of",
    program: "backup",
    settings: { POSTGRES_CA_FILE: servers.file("other-ca.crt") },
    says: ["PostgreSQL at ", "correct postgres.caFile (POSTGRES_CA_FILE)"],
  },
  {
    what: "a wrong password for PostgreSQL",
    program: "backup",
    settings: { POSTGRES_PASSWORD_FILE: "", POSTGRES_PASSWORD: "wrong" },
    says: ["password authentication failed", "POSTGRES_PASSWORD"],
  },
  {
    what: "no TLS for a PostgreSQL that requires it",
    program: "backup",
    settings: { POSTGRES_SSLMODE: "disable" },
    says: ["no encryption", "set postgres.sslmode (POSTGRES_SSLMODE)"],
  },
  {
    what: "no certificate for a role that needs one",
    program: "backup",
    settings: { POSTGRES_URL: servers.postgresUrl("certified") },
    says: ["certificate", "postgres.certificateFile (POSTGRES_CERTIFICATE_FILE)"],
  },
  {
    what: "a role without grants in PostgreSQL",
    program: "backup",
    settings: {
      POSTGRES_URL: servers.postgresUrl("stranger"),
      POSTGRES_PASSWORD_FILE: "",
      POSTGRES_PASSWORD: passwords.stranger,
    },
    says: ["permission denied for", "GRANT"],
  },
  {
    what: "a client certificate that has expired",
    program: "backup",
    settings: {
      POSTGRES_CERTIFICATE_FILE: servers.file("expired-client.crt"),
      POSTGRES_KEY_FILE: servers.file("expired-client.key"),
    },
    says: ["postgres.certificateFile", "which expired at", "POSTGRES_CERTIFICATE_FILE"],
  },
  {
    what: "a key of another certificate",
    program: "backup",
    settings: { POSTGRES_CERTIFICATE_FILE: servers.file("client.crt"), POSTGRES_KEY_FILE: servers.file("server.key") },
    says: ["which is not the private key", "POSTGRES_KEY_FILE"],
  },
  {
    what: "a wrong password for PostgreSQL, of an operator's command",
    program: "reconcile",
    settings: { POSTGRES_PASSWORD_FILE: "", POSTGRES_PASSWORD: "wrong" },
    says: ["password authentication failed", "POSTGRES_PASSWORD"],
  },
];

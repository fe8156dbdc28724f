import type { Names } from "../names.ts";
import { passwords } from "../secured-servers/passwords.ts";
import type { SecuredServers } from "../secured-servers/servers.ts";
import type { WrongSetting } from "./wrong-setting.ts";

export const wrongForCassandra = (servers: SecuredServers, names: Names): WrongSetting[] => [
  {
    what: "an authority that Cassandra's certificate is not of",
    program: "api",
    settings: { CASSANDRA_CA_FILE: servers.file("other-ca.crt") },
    says: ["Cassandra at ", "other-ca.crt", "correct cassandra.caFile (CASSANDRA_CA_FILE)"],
  },
  {
    what: "a wrong password for Cassandra",
    program: "consumer",
    settings: { CASSANDRA_PASSWORD_FILE: "", CASSANDRA_PASSWORD: "wrong" },
    says: ["it refuses the login", "CASSANDRA_PASSWORD"],
  },
  {
    what: "no login for Cassandra",
    program: "api",
    settings: { CASSANDRA_USERNAME: "", CASSANDRA_PASSWORD_FILE: "" },
    says: ["it needs a login", "CASSANDRA_USERNAME"],
  },
  {
    what: "no TLS for Cassandra",
    program: "api",
    settings: { CASSANDRA_TLS: "false" },
    says: ["it speaks TLS on this port", "set cassandra.tls (CASSANDRA_TLS) to true"],
  },
  {
    what: "another name than that of Cassandra's certificate",
    program: "consumer",
    settings: { CASSANDRA_SERVER_NAME: "cassandra.example.com" },
    says: ["is for other names", "correct cassandra.serverName (CASSANDRA_SERVER_NAME)"],
  },
  {
    what: "a role without grants in Cassandra",
    program: "api",
    settings: {
      CASSANDRA_USERNAME: "stranger",
      CASSANDRA_PASSWORD_FILE: "",
      CASSANDRA_PASSWORD: passwords.stranger,
      CASSANDRA_KEYSPACE: `${names.keyspace}_new`,
    },
    says: ["User stranger has no CREATE permission", "GRANT CREATE ON ALL KEYSPACES TO stranger;"],
  },
  {
    what: "an authority that Cassandra's certificate is not of, for an operator's command",
    program: "reconcile",
    settings: { CASSANDRA_CA_FILE: servers.file("other-ca.crt") },
    says: ["Cassandra at ", "correct cassandra.caFile (CASSANDRA_CA_FILE)"],
  },
];

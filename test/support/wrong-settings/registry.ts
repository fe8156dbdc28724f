import type { SecuredServers } from "../secured-servers/servers.ts";
import type { WrongSetting } from "./wrong-setting.ts";

export const wrongForRegistry = (servers: SecuredServers): WrongSetting[] => [
  {
    what: "an authority that the registry's certificate is not of",
    program: "produce",
    settings: { SCHEMA_REGISTRY_CA_FILE: servers.file("other-ca.crt") },
    says: ["Schema Registry at ", "correct schemaRegistry.caFile (SCHEMA_REGISTRY_CA_FILE)"],
  },
  {
    what: "a wrong password for the registry",
    program: "api",
    settings: { SCHEMA_REGISTRY_PASSWORD_FILE: "", SCHEMA_REGISTRY_PASSWORD: "wrong" },
    says: ["refuses the login (401)", "SCHEMA_REGISTRY_USERNAME"],
  },
  {
    what: "no login for the registry",
    program: "produce",
    settings: { SCHEMA_REGISTRY_USERNAME: "", SCHEMA_REGISTRY_PASSWORD_FILE: "" },
    says: ["needs a login (401)", "SCHEMA_REGISTRY_USERNAME"],
  },
  {
    what: "no TLS for a registry that has it",
    program: "produce",
    settings: { SCHEMA_REGISTRY_URL: servers.registry.login.replace("https:", "http:") },
    says: ["it speaks TLS on this port", "use https://"],
  },
  {
    what: "TLS for a registry without it",
    program: "produce",
    settings: { SCHEMA_REGISTRY_URL: servers.registry.plain.replace("http:", "https:") },
    says: ["it does not speak TLS on this port", "use http://"],
  },
  {
    what: "an expired certificate of the registry",
    program: "produce",
    settings: { SCHEMA_REGISTRY_URL: servers.registry.expired },
    says: ["its certificate has expired", "have its administrator renew it"],
  },
  {
    what: "no client certificate for a registry that asks for one",
    program: "produce",
    settings: { SCHEMA_REGISTRY_URL: servers.registry.certificate },
    says: ["client certificate", "SCHEMA_REGISTRY_CERTIFICATE_FILE"],
  },
];

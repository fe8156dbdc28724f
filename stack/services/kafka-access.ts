import { join } from "node:path";
import { type Principal, principalsOf } from "../../operations/access/principals.ts";
import { authorityOf, certificateOf } from "../certificates.ts";
import type { Instance } from "../instance.ts";
import { passwordOf } from "../principals.ts";

/**
 * The broker's settings on a secure stack: clients log in over TLS, the broker to its controller with its certificate,
 * and whatever no ACL allows is denied. SASL/PLAIN, since the passwords are on this machine anyway and are not to depend
 * on the data (docs/decisions/0016-secure.md).
 */
export function secureProperties(instance: Instance): string {
  const { pem, ca } = certificateOf(instance, "kafka");
  const password = (principal: Principal) => passwordOf(instance, principal, "kafka");
  const users = principalsOf("kafka").map((name) => `user_${name}="${password(name)}"`);
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="${password("broker")}"`;
  return `
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=${login} ${users.join(" ")};
ssl.keystore.type=PEM
ssl.keystore.location=${pem}
ssl.truststore.type=PEM
ssl.truststore.location=${ca}
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:broker;User:CN=kafka
`;
}

/** The settings of a Java client's connection to the broker. */
export const clientProperties = (instance: Instance, principal: Principal): Record<string, string> => ({
  "security.protocol": "SASL_SSL",
  "sasl.mechanism": "PLAIN",
  "sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required username="${principal}" password="${passwordOf(instance, principal, "kafka")}";`,
  "ssl.truststore.type": "PEM",
  "ssl.truststore.location": authorityOf(instance),
});

/** The option that names a file with a principal's login, for Kafka's command-line tools; none on a plain stack. */
export async function loginOptions(instance: Instance, principal: Principal): Promise<string[]> {
  if (!instance.isSecure) return [];
  const file = join(instance.folder, "run", `kafka-${principal}.properties`);
  const lines = Object.entries(clientProperties(instance, principal)).map(([key, value]) => `${key}=${value}\n`);
  await Bun.write(file, lines.join(""));
  return ["--command-config", file];
}

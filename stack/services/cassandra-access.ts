import { certificateOf } from "../certificates.ts";
import type { Instance } from "../instance.ts";

/** The node's settings on a secure stack: clients log in over TLS, and other nodes would need a certificate of the stack. */
export function secureYaml(instance: Instance): string {
  const { pem, ca } = certificateOf(instance, "cassandra");
  const stores = `
  ssl_context_factory: { class_name: org.apache.cassandra.security.PEMBasedSslContextFactory }
  keystore: ${JSON.stringify(pem)}
  truststore: ${JSON.stringify(ca)}`;
  return `
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
client_encryption_options:
  enabled: true
  optional: false${stores}
server_encryption_options:
  internode_encryption: all
  require_client_auth: true${stores}

# Permissions are read again in the background, so that no request waits for that.
permissions_validity: 1m
permissions_update_interval: 10s
`;
}

/** Makes a fresh node create its first superuser at once, not after 10 s. */
export const firstRoleAtOnce = "-Dcassandra.superuser_setup_delay_ms=0";

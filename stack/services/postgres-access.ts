import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { certificateOf, issueCertificates } from "../certificates.ts";
import type { Instance } from "../instance.ts";
import { letPostgresRead, postgresFolder } from "./postgres-files.ts";

/** PostgreSQL's settings for client authentication and TLS. */
export const accessSettings = (instance: Instance) => ({
  hba_file: join(postgresFolder(instance), "pg_hba.conf"),
  ssl: "on",
  ssl_ca_file: join(postgresFolder(instance), "ca.crt"),
  ssl_cert_file: join(postgresFolder(instance), "server.crt"),
  ssl_key_file: join(postgresFolder(instance), "server.key"),
});

/** Writes pg_hba.conf and puts the certificate where PostgreSQL can read it. A secure stack takes no login without TLS. */
export async function prepareAccess(instance: Instance, stop: AbortSignal): Promise<void> {
  await issueCertificates(instance, { mayRenew: false }, stop);
  const { hba_file, ssl_ca_file, ssl_cert_file, ssl_key_file } = accessSettings(instance);
  const lines = readFileSync(join(import.meta.dir, "pg_hba.conf"), "utf8");
  writeFileSync(hba_file, instance.isSecure ? lines.replaceAll(/^host\b/gm, "hostssl") : lines, { mode: 0o600 });
  const { ca, certificate, key } = certificateOf(instance, "postgres");
  copyFileSync(ca, ssl_ca_file);
  copyFileSync(certificate, ssl_cert_file);
  copyFileSync(key, ssl_key_file);
  for (const file of [hba_file, ssl_ca_file, ssl_cert_file, ssl_key_file]) letPostgresRead(file);
}

import { chmodSync, copyFileSync, existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replicationRole } from "../../contract/change-capture.ts";
import { dataFolder, type Instance } from "../instance.ts";
import { letPostgresRead, postgresFolder } from "./postgres-files.ts";
import { run } from "./run-tool.ts";

/** PostgreSQL's settings for client authentication and TLS. */
export const accessSettings = (instance: Instance) => ({
  hba_file: join(postgresFolder(instance), "pg_hba.conf"),
  ssl: "on",
  ssl_ca_file: join(postgresFolder(instance), "ca.crt"),
  ssl_cert_file: join(postgresFolder(instance), "server.crt"),
  ssl_key_file: join(postgresFolder(instance), "server.key"),
});

/** The folder of the certificate that Debezium authenticates with: client.crt, client.pk8 and ca.crt. */
export const clientCertificate = (instance: Pick<Instance, "folder">) =>
  join(dataFolder(instance, "connect"), "certificate");

/** Writes pg_hba.conf and creates the server's and client's certificates if they are missing. */
export async function prepareAccess(instance: Instance, stop: AbortSignal): Promise<void> {
  const { hba_file, ssl_ca_file, ssl_cert_file, ssl_key_file } = accessSettings(instance);
  copyFileSync(join(import.meta.dir, "pg_hba.conf"), hba_file);
  chmodSync(hba_file, 0o600); // a copy has the mode of the original
  const client = clientCertificate(instance);
  if (!existsSync(client) || !existsSync(ssl_key_file)) await makeCertificates(instance, client, stop);
  for (const file of [hba_file, ssl_ca_file, ssl_cert_file, ssl_key_file]) letPostgresRead(file);
}

/** Renames the client's folder into place last: if it exists, all certificates do. */
async function makeCertificates(instance: Instance, client: string, stop: AbortSignal) {
  const script = join(import.meta.dir, "certificates.py");
  const argv = [instance.installed.python, script, postgresFolder(instance), `${client}.new`, replicationRole];
  await run(instance, "postgres", argv, { stop });
  rmSync(client, { recursive: true, force: true });
  renameSync(`${client}.new`, client);
}

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replicationRole } from "../contract/change-capture.ts";
import { certificatesToIssue, type Use } from "../operations/access/certificates.ts";
import type { Instance } from "./instance.ts";
import { run } from "./services/run-tool.ts";

/** Who has a certificate, and what for. All but PostgreSQL and Debezium need theirs only on a secure stack. */
const uses = {
  postgres: "server",
  [replicationRole]: "client",
  kafka: "both", // its broker logs in to its controller
  cassandra: "both", // nodes log in to one another
  "schema-registry": "server",
  connect: "server",
  operator: "client", // Kafka Connect's REST API knows clients by their certificate only
  api: "server",
  console: "server",
} as const satisfies Record<string, Use>;

export type ServerName = "postgres" | "kafka" | "cassandra" | "schema-registry" | "connect" | "api" | "console";

/** The certificate that signs all others: a client that trusts it trusts this stack's servers, and no others. */
export const authorityOf = ({ folder }: Pick<Instance, "folder">) => join(folder, "certificates", "ca.crt");

/**
 * The file for NODE_EXTRA_CA_CERTS: the authority and what the environment names there. Bun reads it only when a process
 * starts.
 */
export function trustedBy(instance: Pick<Instance, "folder">, env: NodeJS.ProcessEnv): string {
  const own = authorityOf(instance);
  const together = join(instance.folder, "certificates", "trusted.crt");
  const given = env.NODE_EXTRA_CA_CERTS;
  if (!given || given === own || given === together) return given || own;
  writeFileSync(together, `${readFileSync(own, "utf8")}${readFileSync(given, "utf8")}`);
  return together;
}

/** The folder of Debezium's certificate: client.crt, client.pk8 and ca.crt. */
export const clientCertificate = ({ folder }: Pick<Instance, "folder">) =>
  join(folder, "certificates", replicationRole);

/** The files of the operator's certificate; `trust` is a PKCS #12 file that trusts it alone. */
export function operatorCertificate({ folder }: Pick<Instance, "folder">) {
  const file = (end: string) => join(folder, "certificates", "operator", end);
  return { certificate: file("client.crt"), key: file("client.key"), trust: file("trust.p12") };
}

/** The files of a server's certificate, PEM; `pem` and the PKCS #12 file have both. */
export function certificateOf({ folder }: Pick<Instance, "folder">, name: ServerName) {
  const file = (end: string) => join(folder, "certificates", name, end);
  return {
    certificate: file("server.crt"),
    key: file("server.key"),
    pem: file("server.pem"),
    p12: file("server.p12"),
    ca: file("ca.crt"),
  };
}

/**
 * Issues the certificates that this stack lacks and, if `mayRenew`, those of which less than a third of their time is
 * left. Servers read theirs when they start, so `mayRenew` only while none runs.
 */
export async function issueCertificates(
  instance: Pick<Instance, "folder" | "installed" | "isSecure">,
  { mayRenew, now = Date.now() }: { mayRenew: boolean; now?: number },
  stop: AbortSignal,
): Promise<void> {
  const folder = join(instance.folder, "certificates");
  const needed = Object.entries(uses).filter(
    ([name]) => instance.isSecure || name === "postgres" || name === replicationRole,
  );
  const wanted = certificatesToIssue(folder, needed, { mayRenew, now });
  if (wanted.length === 0) return;
  const script = join(import.meta.dir, "certificates.py");
  const argv = [instance.installed.python, script, folder, ...wanted];
  await run(instance, "certificates", argv, { stop });
}

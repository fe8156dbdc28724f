import { writeFileSync } from "node:fs";
import { become } from "./become.ts";
import { issueCertificates, trustedBy } from "./certificates.ts";
import { StackError } from "./failure.ts";
import { type Instance, secureMarker } from "./instance.ts";
import { supervisorOf } from "./supervisor/client.ts";

/**
 * Makes a stack secure from its next start on, with the data that it has.
 * @throws StackError if it is running, or a cluster
 */
export async function makeSecure(instance: Instance): Promise<Instance> {
  if (instance.isSecure) return instance;
  if (instance.isCluster) throw noSecureCluster();
  if (await supervisorOf(instance).isRunning())
    throw new StackError(
      "The stack is running without TLS and logins",
      "Run `bun run down` first; its data stays. Then run the same command again.",
    );
  writeFileSync(secureMarker(instance), "");
  return { ...instance, isSecure: true };
}

export const noSecureCluster = () =>
  new StackError(
    "The cluster has no TLS and no logins",
    "Nothing was started. Use `--secure` with single nodes; `bun run down` goes back to them.",
  );

/**
 * Starts this process again, with its id and its arguments, unless it trusts the certificates of its secure stack: Bun
 * reads what a process trusts only when it starts. Issues the certificates first, if they are missing.
 */
export async function trustCertificates(instance: Instance, stop: AbortSignal): Promise<void> {
  if (!instance.isSecure) return;
  await issueCertificates(instance, { mayRenew: !(await supervisorOf(instance).isRunning()) }, stop);
  const trusted = trustedBy(instance, process.env);
  if (process.env.NODE_EXTRA_CA_CERTS === trusted) return;
  become([process.execPath, ...process.argv.slice(1)], { ...process.env, NODE_EXTRA_CA_CERTS: trusted });
}

import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** What a certificate is good for; `both` is a server that also identifies itself to others. */
export type Use = "server" | "client" | "both";

/** The password of PKCS #12 files, which Java wants. */
export const p12Password = "user-automation";

/**
 * The arguments of stack/certificates.py, NAME:USE, for the certificates that a folder lacks and, if `mayRenew`, for those
 * of which less than a third of their time is left. With an authority of which that is true, all are removed.
 */
export function certificatesToIssue(
  folder: string,
  needed: readonly (readonly [name: string, use: Use])[],
  { mayRenew, now = Date.now() }: { mayRenew: boolean; now?: number },
): string[] {
  if (mayRenew && isDue(join(folder, "ca.crt"), now)) rmSync(folder, { recursive: true, force: true });
  return needed
    .filter(([name, use]) => {
      const file = join(folder, name, use === "client" ? "client.crt" : "server.crt");
      return !existsSync(file) || (mayRenew && isDue(file, now));
    })
    .map(([name, use]) => `${name}:${use}`);
}

/** Whether less than a third of a certificate's time is left; not if there is none. */
function isDue(file: string, now: number): boolean {
  if (!existsSync(file)) return false;
  const { validFromDate, validToDate } = new X509Certificate(readFileSync(file));
  return validToDate.getTime() - now < (validToDate.getTime() - validFromDate.getTime()) / 3;
}

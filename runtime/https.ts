import { readFileSync } from "node:fs";

/** What Bun.serve needs to serve HTTPS; nothing if no certificate is set. The settings have been checked by then. */
export function httpsOf({ certificateFile, keyFile }: { certificateFile?: string; keyFile?: string }) {
  if (certificateFile === undefined || keyFile === undefined) return {};
  return { tls: { cert: readFileSync(certificateFile), key: readFileSync(keyFile) } };
}

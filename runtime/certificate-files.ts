import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import tls from "node:tls";

/** The files, in PEM, with which a client checks a server's certificate and shows its own. */
export interface TlsFiles {
  caFile?: string | undefined;
  certificateFile?: string | undefined;
  keyFile?: string | undefined;
  serverName?: string | undefined;
}

/** What is wrong with files of certificates: each with the key of the setting that names it. */
export function certificateFaults({ caFile, certificateFile, keyFile }: TlsFiles, now = new Date()) {
  const faults: { key: "caFile" | "certificateFile" | "keyFile"; what: string }[] = [];
  if (caFile !== undefined && certificateIn(caFile) === undefined)
    faults.push({ key: "caFile", what: `names ${caFile}, which has no certificate in PEM` });
  if (certificateFile === undefined || keyFile === undefined) return faults;
  const certificate = certificateIn(certificateFile);
  if (certificate === undefined)
    return [
      ...faults,
      { key: "certificateFile" as const, what: `names ${certificateFile}, which has no certificate in PEM` },
    ];
  if (certificate.validToDate < now)
    faults.push({
      key: "certificateFile",
      what: `names ${certificateFile}, which expired at ${certificate.validToDate.toISOString()}`,
    });
  try {
    tls.createSecureContext({ cert: readFileSync(certificateFile), key: readFileSync(keyFile) });
  } catch {
    faults.push({
      key: "keyFile",
      what: `names ${keyFile}, which is not the private key, in PEM, of ${certificateFile}`,
    });
  }
  return faults;
}

function certificateIn(file: string): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(file));
  } catch {
    return undefined;
  }
}

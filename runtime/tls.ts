import { readFileSync } from "node:fs";
import tls from "node:tls";
import { AccessError, named } from "./access-error.ts";
import type { TlsFiles } from "./certificate-files.ts";

/** Options of node:tls, and of Bun's fetch. A server's certificate is always checked. */
export function tlsOptions({ caFile, certificateFile, keyFile, serverName }: TlsFiles) {
  const text = (file: string) => readFileSync(file, "utf8");
  return {
    rejectUnauthorized: true,
    ...(caFile !== undefined && { ca: text(caFile) }),
    ...(certificateFile !== undefined && keyFile !== undefined && { cert: text(certificateFile), key: text(keyFile) }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}

const unknownAuthority =
  /^(UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)|CERT_(UNTRUSTED|SIGNATURE_FAILURE|CHAIN_TOO_LONG)|INVALID_CA)$/;
const alert = /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|DECRYPT_ERROR|ACCESS_DENIED)/;

/** Which server was asked, by which group of settings (`kafka`), and what the certificates are checked against. */
export interface Asked {
  server: string;
  group: "kafka" | "schemaRegistry" | "postgres" | "cassandra" | "connect";
  files: TlsFiles;
}

/**
 * The AccessError that says what a failed TLS handshake means; undefined for any other error. An expired certificate of a
 * server is one too: it needs its administrator.
 */
export function tlsRefusal(error: unknown, { server, group, files }: Asked): AccessError | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code !== "string") return undefined;
  const refusal = (what: string, cure: string) => new AccessError(`${server}: ${what}`, cure, { cause: error });
  if (unknownAuthority.test(code))
    return files.caFile === undefined
      ? refusal(
          "its certificate is not signed by a public authority",
          `set ${named(`${group}.caFile`)} to the certificate of the authority that signed it`,
        )
      : refusal(
          `its certificate is not signed by an authority in ${files.caFile}`,
          `correct ${named(`${group}.caFile`)}, or the address`,
        );
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return refusal(...wrongName(error, group, files));
  if (code === "CERT_HAS_EXPIRED")
    return refusal("its certificate has expired", "have its administrator renew it, or correct this machine's clock");
  if (code === "CERT_NOT_YET_VALID")
    return refusal("its certificate is not valid yet", "correct this machine's clock, or the server's");
  if (code.includes("ALERT_CERTIFICATE_REQUIRED"))
    return refusal(
      "it asks for a client certificate",
      `set ${named(`${group}.certificateFile`)} and ${named(`${group}.keyFile`)}`,
    );
  if (alert.test(code))
    return refusal(
      `it refuses the client certificate${files.certificateFile ? ` in ${files.certificateFile}` : ""}`,
      `correct ${named(`${group}.certificateFile`)}`,
    );
  if (/ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY)/.test(code))
    return refusal(`no common version or cipher of TLS (${code})`, "have its administrator allow TLS 1.2 or 1.3");
  return undefined;
}

function wrongName(error: unknown, group: Asked["group"], { serverName }: TlsFiles): [what: string, cure: string] {
  const [, names] = /altnames: (.*)/.exec((error as Error).message) ?? [];
  const what = `its certificate is for other names${names ? `: ${names}` : ""}`;
  if (group !== "kafka" && group !== "cassandra") return [what, "use the certificate's name in the address"];
  const key = named(`${group}.serverName`);
  return serverName === undefined
    ? [what, `use the certificate's name in the address, or set ${key} to it`]
    : [`${what}, not ${serverName}`, `correct ${key}`];
}

/** Whether a server speaks TLS; undefined if it cannot be told, for example since it is away. */
export function speaksTls(host: string, port: number, withinMs = 3_000): Promise<boolean | undefined> {
  const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
  const socket = tls.connect({ host, port, rejectUnauthorized: false });
  const timer = setTimeout(() => resolve(undefined), withinMs);
  socket.once("secureConnect", () => resolve(true));
  socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code?.includes("ALERT") ? true : undefined));
  socket.once("close", () => resolve(undefined));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

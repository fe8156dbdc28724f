import { AccessError, accessErrorIn, named } from "./access-error.ts";
import { shownAddress } from "./addresses.ts";
import type { TlsFiles } from "./certificate-files.ts";
import { messageOf } from "./lifecycle.ts";
import { speaksTls, tlsOptions, tlsRefusal } from "./tls.ts";

/** How a server that is asked over HTTP lets its clients in. */
export interface HttpAccess extends TlsFiles {
  username?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
}

/** The server's group of settings, for errors. */
export type HttpServer = "schemaRegistry" | "connect";

/** What a request needs to be let in: a header, and for Bun's fetch the certificates. A login in the URL is left to fetch. */
export function httpAccess({ username, password, token, ...files }: HttpAccess): {
  headers: Record<string, string>;
  tls?: ReturnType<typeof tlsOptions>;
} {
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  const authorization = token !== undefined ? `Bearer ${token}` : username !== undefined ? `Basic ${basic}` : undefined;
  const { caFile, certificateFile } = files;
  return {
    headers: authorization === undefined ? {} : { authorization },
    ...((caFile !== undefined || certificateFile !== undefined) && { tls: tlsOptions(files) }),
  };
}

/** `curl` with what a server asks for, for a person. It asks for the password; a token is left out, which a shell would keep. */
export function curlFor({ username, caFile, certificateFile, keyFile }: HttpAccess): string {
  const options = { "--cacert": caFile, "--cert": certificateFile, "--key": keyFile, "-u": username };
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name, quoted(value)]));
  return ["curl", ...given].join(" ");
}

const quoted = (word: string) => (/^[\w./:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const products = { schemaRegistry: "Schema Registry", connect: "Kafka Connect" } as const;

/** The AccessError that a status means; undefined if it is about something else. */
export function statusRefusal(status: number, url: string, group: HttpServer, access: HttpAccess) {
  if (status !== 401 && status !== 403) return undefined;
  const server = `${products[group]} at ${shownAddress(url)}`;
  const keys = group === "connect" ? "username and password" : "username and password, or token";
  const { username, token } = access;
  const hasLogin = username !== undefined || token !== undefined || new URL(url).username !== "";
  const key = named(`${group}.${token === undefined ? "username" : "token"}`);
  if (status === 401)
    return hasLogin
      ? new AccessError(
          `${server} refuses the login (401)`,
          `correct ${key}${token === undefined ? " and the password" : ""}`,
        )
      : new AccessError(`${server} needs a login (401)`, `set ${key} and so on: ${keys}`);
  return new AccessError(
    `${server} does not allow this login to do that (403)`,
    `have an administrator allow it, or correct ${key}`,
  );
}

/** The AccessError that a failed request means; undefined if waiting may help. */
export async function requestRefusal(
  error: unknown,
  url: string,
  group: HttpServer,
  files: TlsFiles,
): Promise<AccessError | undefined> {
  const { hostname, port, protocol } = new URL(url);
  const server = `${products[group]} at ${shownAddress(url)}`;
  const known =
    accessErrorIn(error) ??
    tlsRefusal(error, { server, group, files }) ??
    tlsRefusal(causeOf(error), { server, group, files });
  if (known) return known;
  if (!/ECONNRESET|EPROTO|socket|closed/i.test(messageOf(error))) return undefined;
  const refusal = (what: string, cure: string) => new AccessError(`${server}: ${what}`, cure, { cause: error });
  const isTls = protocol === "https:";
  const address = named(group === "connect" ? "connect.caFile" : "schemaRegistry.url");
  const inAddress = group === "connect" ? "CONNECT_URL" : address;
  const speaks = await speaksTls(hostname, Number(port) || (isTls ? 443 : 80));
  if (!isTls && speaks) return refusal("it speaks TLS on this port", `use https:// in ${inAddress}`);
  if (isTls && speaks && /EPROTO|handshake/i.test(messageOf(error)) && group === "schemaRegistry")
    return refusal(
      files.certificateFile === undefined
        ? "it ends the TLS handshake, probably since it asks for a client certificate"
        : `it ends the TLS handshake with the client certificate in ${files.certificateFile}`,
      `set ${named(`${group}.certificateFile`)} and ${named(`${group}.keyFile`)}`,
    );
  if (isTls && !speaks && (await answersPlainly(url)))
    return refusal("it does not speak TLS on this port", `use http:// in ${inAddress}, or correct the port`);
  return undefined;
}

/**
 * A request to one of these servers, at an address below its own.
 * @throws AccessError where waiting does not help, such as for a wrong password
 */
export async function askWithAccess(
  address: string,
  init: RequestInit,
  group: HttpServer,
  { url, ...access }: HttpAccess & { url: string },
): Promise<Response> {
  const { headers, tls } = httpAccess(access);
  const request = { ...init, headers: { ...(init.headers as object), ...headers }, ...(tls && { tls }) };
  const response = await fetch(address, request).catch(async (error: unknown) => {
    throw (await requestRefusal(error, url, group, access)) ?? error;
  });
  const refusal = statusRefusal(response.status, url, group, access);
  if (!refusal) return response;
  await response.body?.cancel();
  throw refusal;
}

const causeOf = (error: unknown) => (error instanceof Error ? error.cause : undefined);

/** Whether something answers HTTP where HTTPS was expected. */
async function answersPlainly(url: string): Promise<boolean> {
  const { host } = new URL(url);
  const answer = await fetch(`http://${host}/`, { signal: AbortSignal.timeout(3_000), redirect: "manual" }).catch(
    () => undefined,
  );
  await answer?.body?.cancel();
  return answer !== undefined;
}

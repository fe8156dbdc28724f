import net from "node:net";
import { type Client, errors, types } from "cassandra-driver";
import { AccessError, named } from "../access-error.ts";
import type { Config } from "../config.ts";
import { speaksTls, tlsRefusal } from "../tls.ts";

type CassandraSettings = Config["cassandra"];

/** Makes a client fail with an AccessError, which says what to do, where waiting does not help. */
export function explainRefusals(client: Client, settings: CassandraSettings): void {
  for (const name of ["connect", "execute", "batch"] as const) {
    const work = client[name] as (...given: unknown[]) => Promise<never>;
    const explained = (...given: unknown[]) =>
      work.apply(client, given).catch(async (error: unknown) => {
        throw (await refusalOf(error, settings)) ?? error;
      });
    Object.assign(client, { [name]: explained });
  }
}

/** The AccessError that an error means; undefined if waiting may help, or if it is about the statement. */
async function refusalOf(error: unknown, settings: CassandraSettings): Promise<AccessError | undefined> {
  if (error instanceof errors.NoHostAvailableError) return noHost(error, settings);
  if (error instanceof errors.ResponseError && error.code === types.responseErrorCodes.unauthorized)
    return missingGrant(error, settings);
  return undefined;
}

/** What is wrong with the nodes that were tried: the first that refuses, since a person has to act anyway. */
async function noHost(error: errors.NoHostAvailableError, settings: CassandraSettings) {
  for (const [node, cause] of Object.entries(error.innerErrors ?? {})) {
    const refusal = await refusalBy(node, cause, settings);
    if (refusal) return refusal;
  }
  return undefined;
}

async function refusalBy(node: string, cause: unknown, settings: CassandraSettings): Promise<AccessError | undefined> {
  const server = `Cassandra at ${node}`;
  const { caFile, certificateFile, keyFile, serverName, secureConnectBundle, tls, username } = settings;
  const refusal = (what: string, cure: string) => new AccessError(`${server}: ${what}`, cure, { cause });
  const byTls = tlsRefusal(cause, {
    server,
    group: "cassandra",
    files: { caFile, certificateFile, keyFile, serverName },
  });
  if (byTls && secureConnectBundle !== undefined)
    return refusal(
      byTls.what.slice(server.length + 2),
      `download the bundle again and set ${named("cassandra.secureConnectBundle")} to it`,
    );
  if (byTls) return byTls;
  if (cause instanceof errors.AuthenticationError) {
    // A node that cannot read its roles for want of replicas says so as an error of the login.
    if (/consistency|unable to perform/i.test(cause.message)) return undefined;
    const keys = `${named("cassandra.username")} and ${named("cassandra.password")}`;
    return username === undefined
      ? refusal("it needs a login", `set ${keys}`)
      : refusal(`it refuses the login: ${cause.message.slice(0, 200)}`, `correct ${keys}`);
  }
  if (secureConnectBundle !== undefined || !isClosed(cause)) return undefined;
  const [host = "", port = ""] = /^(.*):(\d+)$/.exec(node)?.slice(1) ?? [];
  if (tls && (await speaksPlainly(host, Number(port))))
    return refusal("it does not speak TLS on this port", `set ${named("cassandra.tls")} to false, or correct the port`);
  if (!tls && (await speaksTls(host, Number(port))))
    return refusal("it speaks TLS on this port", `set ${named("cassandra.tls")} to true`);
  return undefined;
}

const isClosed = (error: unknown) =>
  error instanceof Error &&
  !/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND/.test(`${(error as NodeJS.ErrnoException).code}`);

/** Whether a node answers a request for its options (CQL's binary protocol, version 4) without TLS. */
function speaksPlainly(host: string, port: number, withinMs = 3_000): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect({ host, port }, () => socket.write(Buffer.from([4, 0, 0, 0, 5, 0, 0, 0, 0])));
  const timer = setTimeout(() => resolve(false), withinMs);
  socket.once("data", (data: Buffer) => resolve(((data[0] ?? 0) & 0x80) !== 0));
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** Cassandra's message names the role, the permission and the resource: `<table ks.t>`, `<keyspace ks>`, `<all keyspaces>`. */
function missingGrant(error: errors.ResponseError, { username, secureConnectBundle }: CassandraSettings): AccessError {
  const [, user = username ?? "ROLE", permission, resource = ""] =
    /User (\S+) has no (\w+) permission on <([^>]+)>/.exec(error.message) ?? [];
  const on = resource
    .replace(/^all keyspaces$/, "ALL KEYSPACES")
    .replace(/^(table|keyspace)/, (word) => word.toUpperCase());
  return new AccessError(
    `Cassandra: ${error.message}`,
    permission === undefined || secureConnectBundle !== undefined
      ? "have an administrator grant it"
      : `have an administrator run: GRANT ${permission} ON ${on} TO ${/^[a-z]\w*$/.test(user) ? user : `"${user}"`};`,
    { cause: error },
  );
}

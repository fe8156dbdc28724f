import net from "node:net";
import tls from "node:tls";
import type { Sql } from "postgres";
import { AccessError, accessErrorIn, named } from "../access-error.ts";
import type { TlsFiles } from "../certificate-files.ts";
import type { Config } from "../config.ts";
import { operatorCommand } from "../operator-command.ts";
import { tlsOptions, tlsRefusal } from "../tls.ts";

export type PostgresSettings = Pick<Config["postgres"], "url"> & Partial<Omit<Config["postgres"], "url">>;

/** What postgres.js calls `ssl`. */
export function sslOptions({ url, sslmode = "disable", ...files }: PostgresSettings) {
  if (sslmode === "disable") return false;
  const { certificateFile } = files;
  if (sslmode === "prefer" && certificateFile === undefined) return "prefer";
  const { hostname } = new URL(url);
  // postgres.js gives no host to the TLS connection, which would then be checked against "localhost".
  const checkServerIdentity: typeof tls.checkServerIdentity = (_, certificate) =>
    sslmode === "verify-full" ? tls.checkServerIdentity(hostname, certificate) : undefined;
  return { ...tlsOptions(files), rejectUnauthorized: sslmode.startsWith("verify-"), checkServerIdentity };
}

/** A query that connections of postgres.js settle. */
type Query = Promise<unknown> & { reject: (error: unknown) => void };

/** Makes a pool fail with an AccessError, which says what to do, where waiting does not help. */
export function explainRefusals(sql: Sql, settings: PostgresSettings): Sql {
  const explain = (query: unknown) => {
    if (!(query instanceof Promise)) return query; // an identifier, or values
    const { reject } = query as Query;
    Object.assign(query, {
      reject: (error: unknown) => void refusalOf(error, settings).then((refusal) => reject(refusal ?? error)),
    });
    return query;
  };
  const explained = async (error: unknown) => {
    throw (await refusalOf(error, settings)) ?? error;
  };
  const own = {
    unsafe: (...given: Parameters<Sql["unsafe"]>) => explain(sql.unsafe(...given)),
    begin: (...given: Parameters<Sql["begin"]>) => sql.begin(...given).catch(explained),
    reserve: () => sql.reserve().catch(explained),
  };
  return new Proxy(sql, {
    apply: (target, self, given) => explain(Reflect.apply(target as unknown as () => unknown, self, given)),
    get: (target, key) => (Object.hasOwn(own, key) ? own[key as keyof typeof own] : Reflect.get(target, key)),
  });
}

/** The AccessError that a failed statement means; undefined if waiting may help, or if it is about the statement. */
async function refusalOf(error: unknown, settings: PostgresSettings): Promise<AccessError | undefined> {
  if (accessErrorIn(error)) return undefined;
  const { code, message = "" } = (error ?? {}) as { code?: unknown; message?: string };
  if (typeof code !== "string") return undefined;
  const url = new URL(settings.url);
  const server = `PostgreSQL at ${url.host}`;
  const byTls = tlsRefusal(error, { server, group: "postgres", files: settings as TlsFiles });
  if (byTls) return byTls;
  const refusal = (what: string, cure: string) => new AccessError(`${server}: ${what}`, cure, { cause: error });
  const login = `${named("postgres.url")} or ${named("postgres.password")}`;
  if (code === "28P01" || /SASL_SIGNATURE_MISMATCH/.test(code)) return refusal(message, `correct ${login}`);
  if (code === "28000") return refusal(message, cureOf(message, settings));
  if (code === "3D000") return refusal(message, `correct ${named("postgres.url")}`);
  if (code === "42501") return refusal(message, grantOf(message, url.username));
  if (!/^(ECONNRESET|CONNECTION_CLOSED|CONNECT_TIMEOUT|EPROTO|EPIPE)$/.test(code)) return undefined;
  if (settings.sslmode !== undefined && settings.sslmode !== "disable" && (await refusesTls(url)))
    return refusal("it does not speak TLS", `set ${named("postgres.sslmode")} to disable, or have it speak TLS`);
  return undefined;
}

/** What helps if pg_hba.conf refuses a connection: TLS, a client certificate, or another login. */
function cureOf(message: string, { certificateFile, sslmode = "disable" }: PostgresSettings): string {
  if (/no encryption/.test(message) || (/no pg_hba.conf entry/.test(message) && sslmode === "disable"))
    return `set ${named("postgres.sslmode")} to verify-full, or correct ${named("postgres.url")}`;
  if (/certificate/.test(message))
    return certificateFile === undefined
      ? `set ${named("postgres.certificateFile")} and ${named("postgres.keyFile")}`
      : `correct ${named("postgres.certificateFile")}: it must be of the login in ${named("postgres.url")}`;
  return `correct ${named("postgres.url")}, or have an administrator allow it in pg_hba.conf`;
}

function grantOf(message: string, role: string): string {
  const [, kind = "table", name] = /permission denied for (\w+) (\S+)/.exec(message) ?? [];
  const privileges =
    { schema: "USAGE, CREATE", database: "CONNECT", sequence: "USAGE" }[kind] ?? "SELECT, INSERT, UPDATE";
  return name === undefined
    ? `have the table's owner run ${operatorCommand("migrate")}`
    : `have an administrator run: GRANT ${privileges} ON ${kind.toUpperCase()} ${name} TO ${decodeURIComponent(role)};`;
}

/** Whether a server answers a request for TLS with N. Source: postgresql.org/docs, "SSL Session Encryption". */
function refusesTls({ hostname, port }: URL, withinMs = 3_000): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = net.connect({ host: hostname, port: Number(port) || 5432 }, () =>
    socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])),
  );
  const timer = setTimeout(() => resolve(false), withinMs);
  socket.once("data", (data: Buffer) => resolve(data.toString("latin1", 0, 1) === "N"));
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

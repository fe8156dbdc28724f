import postgres from "postgres";
import { accessErrorIn } from "./access-error.ts";
import { explainRefusals, type PostgresSettings, sslOptions } from "./postgres/access.ts";

export type Postgres = postgres.Sql;

interface Options {
  /**
   * Whether arrays are sent. postgres.js then asks each new connection for their types, and nothing can catch the error of
   * that query if the connection breaks meanwhile: it ends the process.
   */
  arrays?: boolean;
}

/**
 * A pool of at most `connections` connections; the first query opens one. It fails with an AccessError where waiting does
 * not help. Given only a URL, it connects without TLS.
 */
export function openPostgres(
  given: string | PostgresSettings,
  connections = 2,
  { arrays = true }: Options = {},
): Postgres {
  const settings = typeof given === "string" ? { url: given } : given;
  const { url, password } = settings;
  const sql = postgres(url, {
    max: connections,
    ssl: sslOptions(settings),
    ...(password !== undefined && new URL(url).password === "" && { password }),
    fetch_types: arrays,
    connect_timeout: 10,
    onnotice: () => {}, // ignores "relation already exists, skipping"
    connection: { application_name: "user-automation", TimeZone: "UTC" },
    types: { timestamptz, date },
  });
  return explainRefusals(sql, settings);
}

/** PostgreSQL's own format, "0001-01-01 00:00:00+00", which JavaScript parses as the year 2001. */
const timestamptz = {
  to: 1184,
  from: [1184],
  serialize: (time: Date | string) => new Date(time).toISOString(),
  parse: (text: string) => new Date(text.replace(" ", "T").replace(/\+00$/, "Z")),
};

/** A date stays text: as a Date it would have a time. */
const date = { to: 1082, from: [1082], serialize: (day: string) => day, parse: (text: string) => text };

/**
 * Classifies the error of a failed statement: `transient` may succeed when retried, `data` is caused by a row, `final`
 * by how the server or the table is set up, and `unknown` is anything else.
 * Source: postgresql.org/docs/current/errcodes-appendix.html
 */
export function classifyError(error: unknown): "transient" | "data" | "final" | "unknown" {
  if (accessErrorIn(error)) return "final";
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return "unknown";
  if (/^(CONNECT|CONNECTION_|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/.test(code))
    return "transient";
  if (!/^[0-9A-Z]{5}$/.test(code)) return "unknown";
  if (/^(08|40|53|55|57)/.test(code)) return "transient";
  // Two programs creating the table at the same time conflict in the catalogue.
  if (code === "23505" && /^pg_/.test(String((error as { constraint_name?: string }).constraint_name)))
    return "transient";
  if (/^(22|23)/.test(code)) return "data";
  if (/^(28|3D|3F|42)/.test(code)) return "final";
  return "unknown";
}

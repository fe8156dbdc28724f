/**
 * `bun run migrate`: brings the tables in PostgreSQL and Cassandra up to date with the contract, on the servers that
 * config.yaml and the environment name; by default the native stack's.
 */
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { rollOutOrder, rollOutText } from "../contract/migration.ts";
import { migrateCassandra, migratePostgres, type TableReport } from "../operations/migrate.ts";
import { isTransient, openCassandra } from "../runtime/cassandra.ts";
import { type Config, ConfigError } from "../runtime/config.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { classifyError, openPostgres } from "../runtime/postgres.ts";
import { retry } from "../runtime/retry.ts";
import { loadConfig, overridesIn } from "../sources/config.ts";

const usage = `usage: bun run migrate [--check] [--json]

Adds to the tables in PostgreSQL and Cassandra what they lack of the contract. Nothing is ever changed or removed: a
column of another type, or a required one that is missing, is refused with what to do.

options:
  --check     change nothing: list what is missing, with its statements
  --json      print one JSON object
  -h, --help  show this help and exit

The servers are those of config.yaml and of the environment (POSTGRES_URL, CASSANDRA_CONTACT_POINTS, CASSANDRA_KEYSPACE
and so on); by default the native stack's.

exit codes: 0 up to date; 1 something was refused, or with --check is missing; 2 a server could not be asked or changed
`;

/** How long a server may be unavailable, or its table locked, in milliseconds. */
const patienceMs = 30_000;
/** How long a server may take altogether, in milliseconds. */
const answerWithinMs = patienceMs + 15_000;

/** A table's report, or why there is none. */
type Outcome = TableReport | { store: TableReport["store"]; table: string; failed: string };

async function main(argv: string[]): Promise<0 | 1 | 2> {
  try {
    const { values } = parseArgs({
      args: argv,
      options: { check: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help) {
      process.stdout.write(usage);
      return 0;
    }
    const config = loadConfig();
    for (const sentence of overridesIn(config)) console.error(sentence);
    const outcomes = await migrate(config, !values.check);
    console.log(values.json ? JSON.stringify(jsonOf(outcomes)) : textOf(outcomes));
    if (outcomes.some((outcome) => "failed" in outcome)) return 2;
    return outcomes.every((outcome) => "added" in outcome && isFit(outcome)) ? 0 : 1;
  } catch (error) {
    console.error(`${messageOf(error)}${error instanceof ConfigError ? "" : "\n\nSee `bun run migrate --help`."}`);
    return 2;
  }
}

async function migrate(config: Config, apply: boolean): Promise<Outcome[]> {
  const log = openLog("migrate", "warning");
  const sql = openPostgres(postgresUrl(config), 2);
  const cassandra = openCassandra(config, "migrate");
  try {
    return await Promise.all([
      attempt("PostgreSQL", new URL(config.postgres.url).host, log, () => migratePostgres(sql, { apply })),
      attempt("Cassandra", config.cassandra.contactPoints.join(", "), log, () =>
        migrateCassandra(cassandra, config, { apply }),
      ),
    ]);
  } finally {
    await Promise.allSettled([sql.end({ timeout: 2 }), cassandra.shutdown()]);
  }
}

async function attempt(
  store: TableReport["store"],
  table: string,
  log: Log,
  work: () => Promise<TableReport>,
): Promise<Outcome> {
  const until = performance.now() + patienceMs;
  const isWorthRetrying = (error: unknown) =>
    performance.now() < until && (isTransient(error) || classifyError(error) === "transient");
  const late = new AbortController();
  // postgres.js reconnects indefinitely to a server that closes each connection.
  const timer = setTimeout(() => late.abort(), answerWithinMs);
  const tooLate = once(late.signal, "abort").then(() => {
    throw new Error(`no answer within ${answerWithinMs / 1_000} s`);
  });
  try {
    const done = retry(work, { what: `migrate ${store}`, while: isWorthRetrying, stop: late.signal, log });
    return await Promise.race([done, tooLate]);
  } catch (error) {
    return { store, table, failed: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

const isFit = ({ missing, refused }: TableReport) => missing.length + refused.length === 0;

const jsonOf = (outcomes: Outcome[]) => ({ tables: outcomes, rollOut: rollOutOrder });

function textOf(outcomes: Outcome[]): string {
  const rows = outcomes.flatMap(rowsOf);
  const table = new Table({ head: ["table", "what", "result"], style: { head: [], border: [], compact: true } });
  table.push(...rows);
  const lines = [table.toString()];
  for (const outcome of outcomes) {
    if ("failed" in outcome) lines.push(`${outcome.store} at ${outcome.table}: ${outcome.failed}`);
    else {
      lines.push(...outcome.refused.map(({ why }) => `refused in ${outcome.store}: ${why}`));
      lines.push(...outcome.missing.map(({ statement }) => statement));
    }
  }
  if (outcomes.some((outcome) => "added" in outcome && outcome.added.length > 0)) lines.push("", rollOutText);
  return lines.join("\n");
}

function rowsOf(outcome: Outcome): string[][] {
  const name = `${outcome.store} ${outcome.table}`;
  if ("failed" in outcome) return [[name, "", "failed"]];
  const { added, missing, refused, unknown } = outcome;
  const rows = [
    ...added.map(({ what }) => [name, what, "added"]),
    ...missing.map(({ what }) => [name, what, "missing"]),
    ...refused.map(({ what }) => [name, what, "refused"]),
    ...unknown.map((column) => [name, `column ${column}`, "not in the contract, left as it is"]),
  ];
  return rows.length > 0 ? rows : [[name, "", "up to date"]];
}

/** The URL; for the native stack's own server with the password that the stack has generated. */
function postgresUrl({ postgres, ports }: Config): string {
  const url = new URL(postgres.url);
  const file = join(process.env.STACK_DIR || join(import.meta.dir, "..", ".stack"), "secrets.json");
  if (url.password === "" && url.host === `127.0.0.1:${ports.postgres}` && existsSync(file))
    url.password = (JSON.parse(readFileSync(file, "utf8")) as { postgresUsers: string }).postgresUsers;
  return url.href;
}

process.exit(await main(process.argv.slice(process.argv[2] === "migrate" ? 3 : 2)));

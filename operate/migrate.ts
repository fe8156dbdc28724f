import { once } from "node:events";
import type { Admin } from "kafkajs";
import { rollOutOrder, rollOutText } from "../contract/migration.ts";
import { migrateCassandra, migratePostgres, type TableReport } from "../operations/migrate.ts";
import { postgresUrl } from "../operations/native-stack.ts";
import { addReplicas, type ScarceTopic } from "../operations/replicas.ts";
import { allStatements, type Statements } from "../operations/statements.ts";
import { isTransient, openCassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import { openKafka } from "../runtime/kafka.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import { type Log, openLog } from "../runtime/log.ts";
import { classifyError, openPostgres } from "../runtime/postgres.ts";
import { retry } from "../runtime/retry.ts";
import { tableText } from "../runtime/table.ts";
import { loadConfig, overridesIn } from "../sources/config.ts";
import { type Command, jsonOption } from "./command.ts";

type Given = { check?: boolean; show?: boolean; replicas?: boolean; json?: boolean };

export const migrate: Command<Given> = {
  name: "migrate",
  summary: "Add to the tables in PostgreSQL and Cassandra what they lack of the contract",
  detail:
    "Nothing is changed or removed: a column of another type, or a required one that is missing, is refused with what " +
    "to do.",
  options: (yargs) =>
    yargs
      .option("check", { type: "boolean", describe: "Change nothing: list what is missing, with its statements" })
      .option("show", {
        type: "boolean",
        conflicts: "check",
        describe: "Ask no server: print all statements for tables, topics and subjects, for an administrator",
      })
      .option("replicas", {
        type: "boolean",
        conflicts: ["check", "show"],
        describe: "Only give each topic as many replicas as the settings say, and wait until they have all records",
      })
      .option("json", jsonOption)
      .example("$0 migrate --check", "shows what a deployment would add"),
  exits: {
    0: "up to date",
    1: "something was refused, or with --check is missing",
    2: "a server could not be asked or changed",
  },
  async run({ check = false, show = false, replicas = false, json = false }) {
    const config = loadConfig();
    for (const sentence of overridesIn(config)) console.error(sentence);
    if (show) {
      const servers = allStatements(config);
      console.log(json ? JSON.stringify({ servers }) : servers.map(scriptOf).join("\n\n"));
      return 0;
    }
    if (replicas) {
      const topics = await withAdmin(config, (admin) => addReplicas(admin, config));
      console.log(json ? JSON.stringify({ topics }) : replicasText(topics, config));
      return 0;
    }
    const outcomes = await migrateAll(config, !check);
    console.log(json ? JSON.stringify(jsonOf(outcomes)) : textOf(outcomes));
    if (outcomes.some((outcome) => "failed" in outcome)) return 2;
    return outcomes.every((outcome) => "added" in outcome && isFit(outcome)) ? 0 : 1;
  },
};

async function withAdmin<T>(config: Config, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = openKafka(config, "migrate", openLog("migrate", "warning")).admin();
  try {
    await admin.connect();
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

function replicasText(topics: ScarceTopic[], { kafka }: Config): string {
  if (topics.length === 0) return `every topic has the ${kafka.replicationFactor} replicas that the settings say`;
  const rows = topics.map(({ topic, replicas }) => [topic, String(replicas), String(kafka.replicationFactor)]);
  return tableText(["topic", "replicas before", "now"], rows);
}

/** How long a server may be unavailable, or its table locked, in milliseconds. */
const patienceMs = 30_000;
/** How long a server may take altogether, in milliseconds. */
const answerWithinMs = patienceMs + 15_000;

/** A table's report, or why there is none. */
type Outcome = TableReport | { store: TableReport["store"]; table: string; failed: string };

async function migrateAll(config: Config, apply: boolean): Promise<Outcome[]> {
  const log = openLog("migrate", "warning");
  const sql = openPostgres({ ...config.postgres, url: postgresUrl(config) }, 2);
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

/** A server's statements below a comment in its own language. */
function scriptOf({ server, statements }: Statements): string {
  const comment = server === "Cassandra" || server === "PostgreSQL" ? "--" : "#";
  return [`${comment} ${server}`, ...statements.map(({ statement }) => statement.trim())].join("\n");
}

const isFit = ({ missing, refused }: TableReport) => missing.length + refused.length === 0;

const jsonOf = (outcomes: Outcome[]) => ({ tables: outcomes, rollOut: rollOutOrder });

function textOf(outcomes: Outcome[]): string {
  const rows = outcomes.flatMap(rowsOf);
  const lines = [tableText(["table", "what", "result"], rows)];
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

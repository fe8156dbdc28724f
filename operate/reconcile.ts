import { plural, singular } from "../contract/entity.ts";
import { postgresUrl, runsFolder } from "../operations/native-stack.ts";
import { describe, type Finding } from "../operations/reconcile/describe.ts";
import { evidenceOf } from "../operations/reconcile/evidence.ts";
import {
  type Clients,
  reconcile as compare,
  type Reconciled,
  type Scope,
  type Step,
} from "../operations/reconcile/reconcile.ts";
import { type Repair, repair } from "../operations/reconcile/repair.ts";
import { type Verdict, verdicts } from "../operations/reconcile/verdict.ts";
import { sinceMsOf } from "../operations/since.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { openProgress, paint } from "../runtime/progress.ts";
import { openRegistry } from "../runtime/registry.ts";
import { tableText } from "../runtime/table.ts";
import { loadConfig } from "../sources/config.ts";
import { type Command, type ExitCode, exitCodes, jsonOption } from "./command.ts";

interface Given {
  since?: string;
  run?: string;
  limit: number;
  all?: boolean;
  repair?: boolean;
  yes?: boolean;
  json?: boolean;
}

export const reconcile: Command<Given> = {
  name: "reconcile",
  summary: `Compare every ${singular} in the runs' files, PostgreSQL, the topics and Cassandra`,
  detail:
    "Everything is read, rows are compared by write time and hash, and what does not fit is looked at again before it " +
    "is reported. A record or a change that is still on its way is late, which is not a fault.",
  options: (yargs) =>
    yargs
      .option("since", {
        type: "string",
        requiresArg: true,
        describe: `Only ${plural} with a record, row or run since this time (ISO 8601) or for this long (3d, 12h)`,
      })
      .option("run", {
        type: "string",
        requiresArg: true,
        conflicts: "since",
        describe: `Only the ${plural} of this DAG run`,
      })
      .option("limit", { type: "number", default: 20, requiresArg: true, describe: "How many findings to list" })
      .option("all", { type: "boolean", describe: "List all findings" })
      .option("repair", {
        type: "boolean",
        describe: "Say for each finding how it would be repaired: by sending its record again, at its own write time",
      })
      .option("yes", { type: "boolean", implies: "repair", describe: "Do it" })
      .option("json", jsonOption)
      .check(({ since, limit }) => {
        if (since !== undefined) sinceMsOf(since);
        if (!Number.isInteger(limit) || limit < 0) throw new Error("--limit must be a whole number");
        return true;
      })
      .example("$0 reconcile", `every ${singular}`)
      .example("$0 reconcile --since 3d --json", "what was written in the last three days, for a program")
      .example('$0 reconcile --run "manual__2026-01-15T06:00:00+00:00"', "what became of one run")
      .example("$0 reconcile --repair", "what a repair would send; with --yes it is sent"),
  exits: {
    0: "nothing is wrong, or everything was repaired",
    1: "something is lost, different, extra or dead-lettered",
    2: "it could not look: a service does not answer",
  },
  async run(given) {
    const config = loadConfig();
    const clients = openClients(config);
    const { admin, cassandra, sql } = clients;
    try {
      await admin.connect();
      return await answer(given, config, clients);
    } finally {
      await Promise.allSettled([admin.disconnect(), cassandra.shutdown(), sql.end({ timeout: 2 })]);
    }
  },
};

async function answer(given: Given, config: Config, clients: Clients): Promise<ExitCode> {
  const { since, run: runId, limit, all = false, json = false } = given;
  const stop = new AbortController();
  const scope: Scope = {
    ...(since !== undefined && { sinceMs: sinceMsOf(since) }),
    ...(runId !== undefined && { runId }),
    runsDir: runsFolder() ?? null,
  };
  const progress = showProgress();
  try {
    const { look, reconciled } = await compare(clients, config, scope, {
      stop: stop.signal,
      onProgress: progress.show,
    });
    const { found } = reconciled;
    const findings = (await evidenceOf(look, found.slice(0, all ? undefined : limit))).map(describe);
    const repairs = given.repair ? await repair(look, found, given.yes ?? false) : undefined;
    progress.end();
    const shown = { reconciled, findings, repairs };
    console.log(json ? JSON.stringify(jsonOf(shown)) : textOf(shown));
    return leftOf(shown) > 0 ? exitCodes.found : exitCodes.fine;
  } finally {
    progress.end();
  }
}

/** Shows the steps on stderr, on a terminal with the rows read so far. */
function showProgress() {
  const progress = openProgress();
  const started = new Set<Step>();
  return {
    show(step: Step, rows: number, isDone: boolean) {
      const isNew = !started.has(step);
      started.add(step);
      if (isNew || process.stderr.isTTY) progress.start(step, rows === 0 ? "reading" : rows.toLocaleString("en"));
      if (isDone) progress.done(step, `${rows.toLocaleString("en")} ${units[step]}`);
    },
    end: progress.end,
  };
}

const units: Record<Step, string> = {
  topics: "records",
  runs: plural,
  Cassandra: "rows",
  PostgreSQL: "rows",
  "second look": plural,
};

function openClients(config: Config): Clients {
  const log = openLog("reconcile", "error");
  const kafka = openKafka(config, "reconcile", log);
  return {
    kafka,
    admin: kafka.admin(),
    registry: openRegistry(config.schemaRegistry.url),
    cassandra: openCassandra(config, "reconcile", 60_000),
    sql: openPostgres(postgresUrl(config), 2),
    log,
  };
}

const faulty: ReadonlySet<Verdict> = new Set(["lost", "different", "extra", "dead-lettered"]);
const faults = ({ counts }: Reconciled) =>
  verdicts.reduce((sum, verdict) => sum + (faulty.has(verdict) ? counts[verdict] : 0), 0);

interface Shown {
  reconciled: Reconciled;
  findings: Finding[];
  repairs: Repair[] | undefined;
}

/** With how many users something is still wrong. */
const leftOf = ({ reconciled, repairs = [] }: Shown) =>
  faults(reconciled) - repairs.filter(({ outcome }) => outcome === "repaired").length;

const jsonOf = ({ reconciled, findings, repairs }: Shown) => ({
  users: reconciled.users,
  counts: reconciled.counts,
  faults: faults(reconciled),
  readAt: new Date(reconciled.readAtMs).toISOString(),
  notes: reconciled.notes,
  findings,
  ...(repairs && { repairs }),
});

function textOf(shown: Shown): string {
  const { reconciled, findings, repairs } = shown;
  const { users, counts, found, notes } = reconciled;
  const rows = verdicts
    .toReversed()
    .filter((verdict) => counts[verdict] > 0 || faulty.has(verdict))
    .map((verdict) => [verdict, counts[verdict], meanings[verdict]]);
  const lines = [tableText(["verdict", plural, "meaning"], rows)];
  const repairOf = new Map(repairs?.map((one) => [one.id, one]));
  for (const finding of findings) lines.push("", ...linesOf(finding, repairOf.get(finding.id)));
  if (found.length > findings.length) lines.push("", `… and ${found.length - findings.length} more; --all lists them`);
  for (const note of notes) lines.push("", `Note: ${note}.`);
  lines.push("", ...(repairs && repairs.length > 0 ? [summaryOf(repairs), ""] : []));
  const count = leftOf(shown);
  lines.push(
    count === 0
      ? `${paint("green", "✔", process.stdout)} ${users} ${plural} compared; nothing is wrong`
      : `${paint("red", "✘", process.stdout)} ${users} ${plural} compared; something is wrong with ${count}`,
  );
  return lines.join("\n");
}

/** How many repairs have each outcome. */
function summaryOf(repairs: Repair[]): string {
  const groups = Map.groupBy(repairs, ({ outcome }) => outcome);
  const counts = [...groups].map(([outcome, all]) => `${outcomes[outcome]}: ${all.length}`);
  return `${counts.join(", ")}${groups.has("planned") ? "; nothing was sent, --yes sends it" : ""}`;
}

const outcomes: Record<Repair["outcome"], string> = {
  planned: "would be repaired",
  repaired: "repaired",
  sent: "sent",
  failed: "still wrong",
  none: "cannot be repaired from here",
};

const meanings: Record<Verdict, string> = {
  lost: "a write has not arrived, though nothing is in its way",
  different: "a store has something else than the newest record",
  extra: "in Cassandra, and in no topic",
  "dead-lettered": "its record could not be stored",
  unjudged: "without api.log, it may be the API's doing",
  late: "still on its way",
  equal: "as the newest write says, wherever it should be",
};

function linesOf({ id, verdict, explanation, record, fields }: Finding, repair: Repair | undefined): string[] {
  const at = record ? `${record.topic}, partition ${record.partition}, offset ${record.offset}` : "no record";
  return [
    `${paint("bold", verdict, process.stdout)} ${id} (${at})`,
    `  ${explanation}`,
    ...fields.map(
      ({ field, expected, found }) => `  ${field}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`,
    ),
    ...(repair ? [`  ${outcomes[repair.outcome]}: ${repair.explanation}`] : []),
  ];
}

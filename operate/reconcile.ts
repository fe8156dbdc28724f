import { z } from "zod";
import { plural, singular } from "../contract/entity.ts";
import { postgresUrl, runsFolder } from "../operations/native-stack.ts";
import { evidenceOf } from "../operations/reconcile/evidence.ts";
import { type Clients, reconcile as compare, type Scope, type Step } from "../operations/reconcile/reconcile.ts";
import { type Repair, repair } from "../operations/reconcile/repair.ts";
import {
  faulty,
  meanings,
  outcomes,
  type Report,
  type ReportedFinding,
  type ReportedProgress,
  reportOf,
} from "../operations/reconcile/report.ts";
import { verdicts } from "../operations/reconcile/verdict.ts";
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
  user?: string[];
  limit: number;
  all?: boolean;
  repair?: boolean;
  yes?: boolean;
  json?: boolean;
  progress?: "json";
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
      .option(singular, {
        type: "string",
        array: true,
        requiresArg: true,
        describe: `Only the ${singular} with this id; may be repeated`,
      })
      .option("limit", { type: "number", default: 20, requiresArg: true, describe: "How many findings to list" })
      .option("all", { type: "boolean", describe: "List all findings" })
      .option("repair", {
        type: "boolean",
        describe: "Say for each finding how it would be repaired: by sending its record again, at its own write time",
      })
      .option("yes", { type: "boolean", implies: "repair", describe: "Do it" })
      .option("json", jsonOption)
      .option("progress", { choices: ["json"] as const, hidden: true }) // for the console
      .check(({ since, limit, user }) => {
        const wrong = user?.find((id) => !z.guid().safeParse(id).success);
        if (wrong !== undefined) throw new Error(`--${singular} ${wrong}: must be an id, a UUID`);
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
  const { since, run: runId, user, limit, all = false, json = false } = given;
  const stop = new AbortController();
  const scope: Scope = {
    ...(since !== undefined && { sinceMs: sinceMsOf(since) }),
    ...(runId !== undefined && { runId }),
    ...(user !== undefined && { ids: user.map((id) => id.toLowerCase()) }),
    runsDir: runsFolder() ?? null,
  };
  const progress = given.progress === "json" ? printProgress() : showProgress();
  try {
    const { look, reconciled } = await compare(clients, config, scope, {
      stop: stop.signal,
      onProgress: progress.show,
    });
    const { found } = reconciled;
    const evidence = await evidenceOf(look, found.slice(0, all ? undefined : limit));
    const repairs = given.repair ? await repair(look, found, given.yes ?? false) : undefined;
    progress.end();
    const report = reportOf(reconciled, evidence, repairs);
    console.log(json ? JSON.stringify(report) : textOf(report));
    return leftOf(report) > 0 ? exitCodes.found : exitCodes.fine;
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

/** Prints each step, and the rows read so far a few times a second, for a program. */
function printProgress() {
  let printedAt = 0;
  const steps = new Set<Step>();
  return {
    show(step: Step, rows: number, isDone: boolean) {
      const now = performance.now();
      if (!isDone && steps.has(step) && now - printedAt < progressEveryMs) return;
      steps.add(step);
      printedAt = now;
      console.error(JSON.stringify({ step, rows, isDone } satisfies ReportedProgress));
    },
    end() {},
  };
}

const progressEveryMs = 250;

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
    registry: openRegistry(config.schemaRegistry, config.manageSchema),
    cassandra: openCassandra(config, "reconcile", 60_000),
    sql: openPostgres({ ...config.postgres, url: postgresUrl(config) }, 2),
    log,
  };
}

/** With how many users something is still wrong. */
const leftOf = ({ faults, repairs = [] }: Report) =>
  faults - repairs.filter(({ outcome }) => outcome === "repaired").length;

function textOf(report: Report): string {
  const { users, counts, found, notes, findings, repairs } = report;
  const rows = verdicts
    .toReversed()
    .filter((verdict) => counts[verdict] > 0 || faulty.has(verdict))
    .map((verdict) => [verdict, counts[verdict], meanings[verdict]]);
  const lines = [tableText(["verdict", plural, "meaning"], rows)];
  const repairOf = new Map(repairs?.map((one) => [one.id, one]));
  for (const finding of findings) lines.push("", ...linesOf(finding, repairOf.get(finding.id)));
  if (found > findings.length) lines.push("", `… and ${found - findings.length} more; --all lists them`);
  for (const note of notes) lines.push("", `Note: ${note}.`);
  lines.push("", ...(repairs && repairs.length > 0 ? [summaryOf(repairs), ""] : []));
  const count = leftOf(report);
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

function linesOf({ id, verdict, explanation, record, fields }: ReportedFinding, repair: Repair | undefined): string[] {
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

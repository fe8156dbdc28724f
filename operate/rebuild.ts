import { type Comparison, compare } from "../operations/rebuild/compare.ts";
import type { Difference } from "../operations/rebuild/differences.ts";
import { type Dependencies, rebuild as rebuildInto, type TopicReport } from "../operations/rebuild/rebuild.ts";
import type { Cell } from "../operations/rebuild/rows.ts";
import { dropCql, exampleKeyspace } from "../operations/rebuild/target.ts";
import { isTransient, openCassandra } from "../runtime/cassandra.ts";
import type { Config } from "../runtime/config.ts";
import { isTransient as isKafkaAway, openKafka } from "../runtime/kafka.ts";
import { StoppedError, TransientError } from "../runtime/lifecycle.ts";
import { openLog } from "../runtime/log.ts";
import { openProgress } from "../runtime/progress.ts";
import { openRegistry } from "../runtime/registry.ts";
import { Settings } from "../runtime/settings.ts";
import { tableText } from "../runtime/table.ts";
import { loadConfig, overridesIn } from "../sources/config.ts";
import { type Command, jsonOption } from "./command.ts";

interface Given {
  into: string;
  compare?: boolean;
  limit: number;
  json?: boolean;
}

export const rebuild: Command<Given> = {
  name: "rebuild",
  summary: "Rebuild Cassandra's table from the topics in a keyspace of its own, and compare it with the live one",
  detail:
    "Nothing of the live keyspace is changed. The command may be stopped and run again at any time: what has been " +
    "written stays the same. Edits made through the API are in the topics only since it logs them.",
  options: (yargs) =>
    yargs
      .option("into", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "The keyspace to write, which is created",
      })
      .option("compare", {
        type: "boolean",
        describe: "Then compare every row, column and write time with the live table",
      })
      .option("limit", { type: "number", default: 20, requiresArg: true, describe: "How many differences to show" })
      .option("json", jsonOption)
      .check(({ into, limit }) => {
        if (!Settings.shape.cassandra.unwrap().shape.keyspace.safeParse(into).success)
          throw new Error("--into must be a lower-case identifier of at most 48 characters");
        if (!Number.isInteger(limit) || limit < 0) throw new Error("--limit must be a whole number");
        return true;
      })
      .example(`$0 rebuild --into ${exampleKeyspace} --compare`, "proves that the topics hold every row"),
  exits: {
    0: "rebuilt, and with --compare equal to the live table",
    1: "with --compare: they differ",
    2: "not rebuilt or not compared; the message says why",
  },
  async run(given) {
    const config = loadConfig();
    for (const sentence of overridesIn(config)) console.error(sentence);
    const log = openLog("rebuild", config.log.level === "debug" ? "debug" : "error");
    const kafka = openKafka(config, "rebuild", log, 4);
    const admin = kafka.admin();
    const cassandra = openCassandra(config, "rebuild");
    const registry = openRegistry(config.schemaRegistry);
    const { signal, release } = openStop();
    try {
      const { brokers } = config.kafka;
      await answers(`Kafka at ${brokers.join(", ")}`, admin.connect(), isKafkaAway);
      await answers(`Cassandra at ${config.cassandra.contactPoints.join(", ")}`, cassandra.connect(), isTransient);
      const outcome = await work({ kafka, admin, cassandra, registry, config, log }, given, signal);
      console.log(given.json ? JSON.stringify(outcome) : textOf(outcome, given.into, config.cassandra.keyspace));
      return outcome.comparison && !isEqual(outcome.comparison) ? 1 : 0;
    } finally {
      release();
      await Promise.allSettled([admin.disconnect(), cassandra.shutdown()]);
    }
  },
};

/** Rejects with one sentence if a service is away, whose own error may be a page long. */
async function answers(service: string, connected: Promise<unknown>, isAway: (error: unknown) => boolean) {
  await connected.catch((error: unknown) => {
    throw isAway(error) ? new TransientError(`${service} does not answer`) : error;
  });
}

interface Outcome {
  keyspace: string;
  topics: TopicReport[];
  seconds: number;
  comparison?: Comparison;
  /** Whether the API logs edits, by the settings here; those that it did not log are in no topic. */
  editsLogged: boolean;
  /** The statement that removes what was written. */
  drop: string;
}

async function work(
  dependencies: Dependencies & { config: Pick<Config, "api"> },
  { into, compare: isCompared, limit }: Given,
  stop: AbortSignal,
): Promise<Outcome> {
  const progress = openCounts();
  const began = performance.now();
  try {
    const rebuilt = await rebuildInto(dependencies, { into, onProgress: progress.read, stop });
    const seconds = (performance.now() - began) / 1_000;
    progress.finish();
    const editsLogged = dependencies.config.api.log;
    const outcome = { keyspace: into, topics: rebuilt.topics, seconds, editsLogged, drop: dropCql(into) };
    if (!isCompared) return outcome;
    const topics = structuredClone(rebuilt.topics); // before the comparison reads on
    const comparison = await compare(dependencies, rebuilt, { limit, onProgress: progress.compared, stop });
    progress.finish();
    return { ...outcome, topics, comparison };
  } finally {
    progress.end();
  }
}

/** Where nothing is redrawn, a line is written so often, in milliseconds. */
const lineEveryMs = 10_000;

/** Progress on stderr: how far each topic has been read, and how many rows have been compared. */
function openCounts() {
  const progress = openProgress();
  const began = new Map<string, number>();
  const shownAt = new Map<string, number>();
  const last = new Map<string, string>();
  const everyMs = process.stderr.isTTY ? 100 : lineEveryMs;
  let isReading = true;
  function show(name: string, text: string) {
    const now = performance.now();
    last.set(name, text);
    if (now - (shownAt.get(name) ?? Number.NEGATIVE_INFINITY) < everyMs) return;
    shownAt.set(name, now);
    progress.start(name, text);
  }
  return {
    read(topic: string, read: number, of: number) {
      if (!isReading) return;
      const now = performance.now();
      const since = began.get(topic) ?? now;
      began.set(topic, since);
      const perSecond = now > since + 200 ? read / ((now - since) / 1_000) : 0;
      const rate = perSecond > 0 ? `, ${whole(perSecond)}/s, ${Math.ceil((of - read) / perSecond)} s left` : "";
      show(topic, `${whole(read)} of ${whole(of)} records${rate}`);
    },
    /** Everything shown so far is done. */
    finish() {
      isReading = false;
      for (const [name, text] of last) progress.done(name, text.replace(/, \S+ s left$/, ""));
      last.clear();
    },
    compared(what: "compare" | "look again", rows: number) {
      show(what, `${whole(rows)} rows`);
    },
    end: () => progress.end(),
  };
}

const whole = (count: number) => Math.round(count).toLocaleString("en");

/** Aborts on SIGINT and SIGTERM, so that the consumer group that reads is left and deleted. */
function openStop() {
  const stop = new AbortController();
  const abort = (name: string) => stop.abort(new StoppedError(name));
  process.once("SIGINT", abort).once("SIGTERM", abort);
  return { signal: stop.signal, release: () => process.off("SIGINT", abort).off("SIGTERM", abort) };
}

const isEqual = ({ missing, extra, different, unchecked }: Comparison) => missing + extra + different + unchecked === 0;

function textOf({ topics, seconds, comparison, editsLogged, drop }: Outcome, into: string, live: string): string {
  const records = topics.reduce((sum, topic) => sum + topic.records, 0);
  const lines = [
    tableText(
      ["topic", "records", "written", "dead letters", "rejected"],
      topics.map(({ topic, exists, records, written, deadLettered, rejected }) =>
        exists
          ? [topic, ...[records, written, deadLettered, rejected].map(whole)]
          : [topic, "does not exist", "", "", ""],
      ),
    ),
    `${into}: ${whole(records)} records in ${seconds.toFixed(1)} s, ${whole(records / seconds)} a second`,
    ...notesOn(topics),
    ...(editsLogged ? [] : ["api.log is false: rows that the API changes are in no topic, and cannot be rebuilt"]),
  ];
  if (comparison) lines.push("", ...linesOn(comparison, into, live));
  return [...lines, "", `To remove it: ${drop}`].join("\n");
}

function notesOn(topics: TopicReport[]): string[] {
  const rejected = topics.reduce((sum, topic) => sum + topic.rejected, 0);
  return rejected > 0
    ? [`${whole(rejected)} records have no dead letter yet, and will get one when the consumer reads them`]
    : [];
}

function linesOn(comparison: Comparison, into: string, live: string): string[] {
  const { rows, missing, extra, different, differences, late, lag, isGroupKnown, redated, unchecked } = comparison;
  const lines: string[] = [];
  if (isEqual(comparison))
    lines.push(`${into} and ${live} are equal: ${whole(rows)} rows, every column and write time`);
  else {
    lines.push(`${into} and ${live} differ. Of ${whole(rows)} rows in ${live}:`);
    const counts = [
      [missing, "missing: only the topics have them"],
      [extra, "extra: no topic has them, or the topics delete them"],
      [different, "different: in a value or a write time"],
      [unchecked, "more that differed at the first look, and were not looked at again"],
    ] as const;
    for (const [count, what] of counts) if (count > 0) lines.push(`  ${whole(count)} ${what}`);
    if (differences.length > 0)
      lines.push(tableText(["row", "difference", `in ${live}`, `in ${into}`], differences.flatMap(rowsOf)));
    const hidden = missing + extra + different - differences.length;
    if (hidden > 0) lines.push(`and ${whole(hidden)} more: --limit shows them`);
    lines.push(
      "Rows that were changed through the API before it logged edits, with api.log false, or by CQL are in no topic",
    );
  }
  if (late > 0)
    lines.push(`${whole(late)} rows differ because the consumer is ${whole(lag)} records behind the topics`);
  if (!isGroupKnown)
    lines.push("The consumer's group has committed nothing: another engine wrote the table, or nobody");
  if (redated > 0)
    lines.push(
      `${whole(redated)} rows have equal values whose write times are microseconds apart: their transaction in ` +
        "PostgreSQL was read from within, after a restart",
    );
  return lines;
}

function rowsOf(difference: Difference): string[][] {
  const { id } = difference;
  if (difference.kind === "missing") return [[id, "missing", "", `written at ${timeOf(difference.newest)}`]];
  if (difference.kind === "extra") return [[id, "extra", `written at ${timeOf(difference.newest)}`, ""]];
  return difference.columns.map(({ name, live, rebuilt }, index) => [
    index === 0 ? id : "",
    name,
    cellText(live),
    cellText(rebuilt),
  ]);
}

const maxValueLength = 40;

function cellText({ value, writtenAt }: Cell): string {
  if (value === null) return "null";
  const shown = value.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\uFFFD");
  const short = shown.length > maxValueLength ? `${shown.slice(0, maxValueLength)}…` : shown;
  return `${short}\n  at ${timeOf(writtenAt)}`;
}

/** Microseconds since 1970 -> ISO 8601. */
function timeOf(micros: string | null): string {
  const at = BigInt(micros ?? 0);
  const date = new Date(Number(at / 1_000n));
  if (micros === null || Number.isNaN(date.getTime())) return `${micros} µs`;
  return date.toISOString().replace("Z", `${String(at % 1_000n).padStart(3, "0")}Z`);
}

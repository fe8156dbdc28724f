import { openClients } from "../operations/doctor/clients.ts";
import { diagnose, withinTenSeconds } from "../operations/doctor/doctor.ts";
import { textOf } from "../operations/doctor/finding.ts";
import { subjectOf } from "../operations/doctor/subject.ts";
import { openFlow } from "../operations/flow/flow.ts";
import { openHistory } from "../operations/flow/history.ts";
import type { Hop } from "../operations/flow/hops.ts";
import { type FlowReport, reportOf } from "../operations/flow/report.ts";
import { paint } from "../runtime/progress.ts";
import { tableText } from "../runtime/table.ts";
import {
  allSettings,
  embeddedSource,
  loadConfig,
  overridesIn,
  sourceAddress,
  usesEmbeddedSource,
} from "../sources/config.ts";
import { type Command, type ExitCode, jsonOption } from "./command.ts";

type Given = { json?: boolean };

/** Rates come from two looks. */
const betweenLooksMs = 2_000;

export const flow: Command<Given> = {
  name: "flow",
  summary: "Show every hop of the pipeline: how many records, how many a second, how far behind, and what is wrong",
  detail:
    "The console's overview as a table. A count with ~ is an estimate. The four tasks are those of the newest run. " +
    "Takes three to ten seconds, since it looks twice.",
  options: (yargs) =>
    yargs
      .option("json", jsonOption)
      .example("$0 flow", "a line for each hop, then what is wrong with its cure")
      .example("$0 flow --json | jq '.hops[] | select(.state != \"good\")'", "for programs"),
  exits: { 0: "every hop works", 1: "something is wrong", 2: "neither Kafka nor a store answers" },
  async run({ json = false }) {
    const report = await look();
    if (json) console.log(JSON.stringify(report));
    else console.log(textOfReport(report));
    return exitCodeOf(report);
  },
};

async function look(env = process.env): Promise<FlowReport> {
  const config = loadConfig(env);
  for (const sentence of overridesIn(config)) console.error(sentence);
  const subject = subjectOf({ config, faults: [], ...embeddedSource(config, env), settings: allSettings, env });
  const clients = openClients(subject);
  const source = { sourceUrl: sourceAddress(config), isEmbedded: usesEmbeddedSource(config, env) };
  const one = openFlow({ ...clients, ...source });
  try {
    const history = openHistory();
    const startMs = Date.now();
    const diagnosis = diagnose(subject, withinTenSeconds());
    history.add(await one.look());
    await Bun.sleep(Math.max(0, startMs + betweenLooksMs - Date.now()));
    history.add(await one.look());
    const diagnosed = { findings: await diagnosis, atMs: Date.now() };
    return reportOf({ config, isNative: subject.isNative, ...source }, history, diagnosed, Date.now());
  } finally {
    await Promise.race([Promise.all([one.close(), clients.close()]), Bun.sleep(500)]);
  }
}

const vital: readonly Hop["name"][] = ["postgres", "created", "cassandra"];

function exitCodeOf({ hops, findings }: FlowReport): ExitCode {
  const isAway = ({ word }: Hop) => word === "away" || word === "no answer";
  if (hops.filter(({ name }) => vital.includes(name)).every(isAway)) return 2;
  const isWrong = findings.length > 0 || hops.some(({ state }) => state === "warn" || state === "bad");
  return isWrong ? 1 : 0;
}

function textOfReport({ atMs, hops, findings, run }: FlowReport): string {
  const head = ["hop", "state", "count", "a second", "behind", "last movement"];
  const rows = hops.map((hop) => [
    hop.title,
    stateText(hop, atMs),
    countText(hop),
    hop.perSecond === undefined ? "" : rateText(hop.perSecond),
    behindText(hop),
    hop.movedMs === undefined ? "" : `${spanText(atMs - hop.movedMs)} ago`,
  ]);
  const lines = findings.map((finding) => {
    const { severity } = finding;
    const word = paint(severity === "error" ? ["bold", "red"] : "yellow", severity, process.stdout);
    return `${word}${" ".repeat(9 - severity.length)}${textOf(finding)}`;
  });
  const ran = run ? [`The newest run is ${run.id}: ${run.state}, begun ${spanText(atMs - run.atMs)} ago`] : [];
  return [tableText(head, rows), ...ran, ...lines].join("\n");
}

const shapes = { good: "●", warn: "▲", bad: "■", unknown: "○" } as const;
const colours = { good: "green", warn: "yellow", bad: "red", unknown: "dim" } as const;

function stateText({ state, word, sinceMs }: Hop, nowMs: number): string {
  const since = sinceMs === undefined ? "" : ` for ${spanText(nowMs - sinceMs)}`;
  return paint(colours[state], `${shapes[state]} ${word}${since}`, process.stdout);
}

function countText({ count, note }: Hop): string {
  if (!count) return note ?? "";
  const number = `${count.isEstimate ? "~" : ""}${count.of.toLocaleString("en")} ${count.unit}`;
  return note === undefined ? number : `${number}, ${note}`;
}

const rateText = (perSecond: number) => perSecond.toLocaleString("en", { maximumFractionDigits: 1 });

function behindText({ behind }: Hop): string {
  if (behind?.bytes !== undefined) return `${behind.bytes.toLocaleString("en")} bytes`;
  if (behind?.records === undefined) return "";
  const seconds = behind.records > 0 && behind.seconds !== undefined ? `, ${spanText(behind.seconds * 1_000)}` : "";
  return `${behind.records.toLocaleString("en")} records${seconds}`;
}

/** A duration in its largest unit: `45 s`, `3 min`, `2 h`, `5 d`. */
function spanText(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6_000) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

import { singular } from "../contract/entity.ts";
import { readable } from "../operations/dead-letters/letter.ts";
import type { Entry } from "../operations/where/timeline.ts";
import { type Looked, lookedTexts } from "../operations/where/topic-search.ts";
import type { Named, Report } from "../operations/where/where.ts";
import { paint } from "../runtime/progress.ts";

type Line = readonly string[];

/** The widest that a stage, a store or a topic may be. */
const widest = 30;

/** The reports on a terminal: one event a line. */
export function reportText(given: string, { ids, names, away }: Named, reports: readonly Report[]): string {
  const lines = away.map(({ service, why }) => `${service} could not be asked: ${why}`);
  if (ids.length === 0 && away.length === 0)
    lines.push(`No ${singular} has this as its ${["id", ...names].join(" or ")}: ${readable(given)}`);
  if (ids.length > 1) lines.push(`${ids.length} have this as their ${names.join(" or ")}:`, ...ids, "");
  return [...lines, ...reports.map(oneText)].join("\n");
}

function oneText({ id, isFound, history, now, missing, looked, away }: Report): string {
  const days = Map.groupBy(withoutRepeatedRuns(history), ({ atMicros }) => isoOf(atMicros).slice(0, 10));
  const events = [...days].map(([day, entries]) => ({
    head: day,
    lines: entries.map(({ atMicros, stage, place, detail }) => [
      isoOf(atMicros).slice(11, 23),
      stage,
      short(place),
      detail,
    ]),
  }));
  const rest = [
    { head: "now", lines: now.map(({ store, detail }) => [store, detail]) },
    { head: "missing", lines: missing.map(({ stage, why }) => [short(stage), why]) },
    { head: "not asked", lines: away.map(({ service, why }) => [service, why]) },
  ].filter(({ lines }) => lines.length > 0);
  return [
    `${paint("bold", `${singular} ${id}`, process.stdout)}${isFound ? "" : ": not found"}`,
    ...[...textsOf(events), ...textsOf(rest)],
    lookedText(looked),
  ].join("\n");
}

const isoOf = (micros: number) => new Date(Math.floor(micros / 1_000)).toISOString();

/** A run's name is long: it is shown once. */
function withoutRepeatedRuns(history: readonly Entry[]): Entry[] {
  let last: unknown;
  return history.map((entry) => {
    const { run } = entry.facts;
    const isRepeated = run !== undefined && run === last;
    last = run ?? last;
    return isRepeated ? { ...entry, detail: entry.detail.replace(`run ${run}`, "same run") } : entry;
  });
}

/** Sections whose columns have the same widths. */
function textsOf(sections: readonly { head: string; lines: Line[] }[]): string[] {
  const all = sections.flatMap(({ lines }) => lines);
  const columns = all[0]?.slice(0, -1) ?? [];
  const widths = columns.map((_, column) =>
    Math.min(widest, Math.max(...all.map((line) => line[column]?.length ?? 0))),
  );
  return sections.flatMap(({ head, lines }) => [
    paint("cyan", head, process.stdout),
    ...lines.map((line) => rowText(line, widths)),
  ]);
}

/** A topic's name without its first parts, if it is long. */
function short(place: string): string {
  if (place.length <= widest) return place;
  const dot = place.lastIndexOf(".");
  return dot > 0 ? `…${place.slice(dot + 1)}` : place;
}

/** One line; on a terminal, what does not fit is continued below the detail. */
function rowText(given: Line, widths: readonly number[]): string {
  const line = given.map(readable); // names and letters are from elsewhere
  const start = `  ${widths.map((width, column) => `${(line[column] ?? "").padEnd(width)}  `).join("")}`;
  const room = process.stdout.isTTY ? Math.max(30, process.stdout.columns - start.length) : Number.POSITIVE_INFINITY;
  return `${start}${wrapped(line.at(-1) ?? "", room).join(`\n${" ".repeat(start.length)}`)}`;
}

function wrapped(text: string, room: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

/** Which offsets were read. */
const lookedText = (looked: readonly Looked[]): string =>
  looked.length === 0 ? "" : paint("dim", `read  ${lookedTexts(looked).join("\n      ")}`, process.stdout);

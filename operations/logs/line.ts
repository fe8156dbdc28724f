/** From the least to the most severe. */
export const levels = ["debug", "info", "warning", "error"] as const;
export type Level = (typeof levels)[number];

const words: Record<string, Level> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  log: "info",
  notice: "info",
  warn: "warning",
  warning: "warning",
  error: "error",
  err: "error",
  crit: "error",
  critical: "error",
  fatal: "error",
  panic: "error",
};

/** What the beginning of a line tells. */
export interface LineHead {
  /** Milliseconds since 1970. */
  atMs?: number;
  level?: Level;
  /** How many characters the time takes at the beginning of the line; 0 if there is none. */
  timeLength: number;
}

// Dates as 2026-11-28 and, in Spark's log, 26/11/28. The registry writes its time zone after the month. Times without a
// zone are local, since all programs run on this machine.
const time =
  /^(?:time=)?(?:(\d{4})-(\d\d)(?:[+-]\d\d)?-(\d\d)|(\d\d)\/(\d\d)\/(\d\d))[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,3})\d*)?( ?(?:Z|UTC|[+-]\d\d:?\d\d)\b)?/;
const level = /\blevel=(\w+)|\[(\w+) *\]|\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRIT|FATAL|PANIC|LOG(?=:))\b/g;
/** PostgreSQL's further lines about what the line before says. */
const continues = /\b(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY):/;
/** The level is among the first words after the time: behind a thread's name at most. */
const headLength = 80;

/** The time and level at the beginning of a line of any of the stack's programs; none where it continues another. Pure. */
export function parseLine(text: string): LineHead {
  const match = time.exec(text);
  if (match === null) return { timeLength: 0 };
  const [whole, year, month, day, shortYear, shortMonth, shortDay, clock, fraction = "0", zone = ""] = match;
  const date = year ? `${year}-${month}-${day}` : `20${shortYear}-${shortMonth}-${shortDay}`;
  const suffix = zone.trim().replace("UTC", "Z");
  const atMs = new Date(`${date}T${clock}.${fraction.padEnd(3, "0")}${suffix}`).getTime();
  if (Number.isNaN(atMs)) return { timeLength: 0 };
  const head = text.slice(whole.length, whole.length + headLength);
  const [word] = [...head.matchAll(level)].flatMap(([, ...given]) =>
    given.flatMap((one) => words[one?.toLowerCase() ?? ""] ?? []),
  );
  if (word === undefined && continues.test(head)) return { atMs, timeLength: whole.length };
  return { atMs, timeLength: whole.length, level: word ?? "info" };
}

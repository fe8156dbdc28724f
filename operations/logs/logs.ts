/** The ends of the native stack's logs, by program or merged by time. */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { withShownAddresses } from "../../runtime/addresses.ts";
import { type Level, levels, parseLine } from "./line.ts";

/** An entry of a log: one line of it. */
export interface LogEntry {
  program: string;
  /** Where it begins in its file, in bytes; with the program and `file` it is unique. */
  offset: number;
  /** Identifies the file, since a log that has grown large begins a new one. */
  file: number;
  /** Milliseconds since 1970; of the line before, if it has no time of its own; undefined if none has. */
  atMs: number | undefined;
  level: Level;
  text: string;
  /** How many characters of the text are its own time. */
  timeLength: number;
}

export interface LogQuery {
  /** All programs, if omitted. */
  program?: string;
  /** Part of the text, in any case. */
  filter?: string;
  /** The least severe level. */
  level?: Level;
  /** How many of the last lines that fit. */
  lines: number;
}

export interface Logs {
  /** The programs that have a log, in the order of their names. */
  programs: () => string[];
  /** The last lines that fit, oldest first. */
  tail: (query: LogQuery) => LogEntry[];
}

/** How much of the end of each log is looked at, in bytes. */
export const tailBytes = 256 * 1024;
const maxLineLength = 2_000;

/** Follows the logs of the stack in a folder: reads only what is new in them, and keeps only their ends. */
export function openLogs(folder: string): Logs {
  const logs = join(folder, "logs");
  const followed = new Map<string, () => LogEntry[]>();
  const programs = () =>
    (existsSync(logs) ? readdirSync(logs) : [])
      .filter((name) => name.endsWith(".log"))
      .map((name) => name.slice(0, -4))
      .sort();

  return {
    programs,
    tail({ program, filter = "", level = "debug", lines }) {
      const wanted = filter.toLowerCase();
      const least = levels.indexOf(level);
      const fits = (entry: LogEntry) =>
        levels.indexOf(entry.level) >= least && (wanted === "" || entry.text.toLowerCase().includes(wanted));
      const ends = programs()
        .filter((name) => program === undefined || name === program)
        .map((name) => {
          const read = followed.get(name) ?? followLog(join(logs, `${name}.log`), name);
          followed.set(name, read);
          return read().filter(fits).slice(-lines);
        });
      const [only = []] = ends;
      if (ends.length <= 1) return only;
      // A stable sort keeps each log's own order.
      const merged = ends.flat().sort((one, other) => (one.atMs ?? 0) - (other.atMs ?? 0));
      return merged.slice(-lines);
    },
  };
}

/** The end of one log, each time with what has been written since. */
function followLog(path: string, program: string): () => LogEntry[] {
  let file = 0;
  let entries: LogEntry[] = [];
  /** The offset after the last whole line. */
  let next = 0;
  return () => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    const { ino, size } = stat;
    if (ino !== file || size < next || size - next > tailBytes) {
      const before = size < tailBytes ? statSync(`${path}.1`, { throwIfNoEntry: false }) : undefined;
      const olderFrom = Math.max(0, (before?.size ?? 0) - (tailBytes - size));
      entries = before ? linesOf(`${path}.1`, program, before.ino, olderFrom, before.size, undefined).entries : [];
      [file, next] = [ino, Math.max(0, size - tailBytes)];
    }
    if (size === next) return entries;
    const read = linesOf(path, program, file, next, size, entries.at(-1));
    next = read.next;
    const isKept = (entry: LogEntry) => (entry.file === file ? entry.offset >= size - tailBytes : size < tailBytes);
    entries = [...entries, ...read.entries].filter(isKept);
    return entries;
  };
}

/** The whole lines in a range of a file; `last` is the entry before. Where none is, the first line may be cut and is left out. */
function linesOf(path: string, program: string, file: number, start: number, end: number, last: LogEntry | undefined) {
  const bytes = bytesOf(path, start, end);
  let from = start > 0 && last === undefined ? bytes.indexOf(newline) + 1 : 0;
  const entries: LogEntry[] = [];
  let before = last;
  for (let to = bytes.indexOf(newline, from); to >= 0; to = bytes.indexOf(newline, from)) {
    const text = textOf(bytes.subarray(from, to));
    const { atMs = before?.atMs, level = before?.level ?? "info", timeLength } = parseLine(text);
    if (text.trim() !== "") {
      before = { program, file, offset: start + from, atMs, level, text, timeLength };
      entries.push(before);
    }
    from = to + 1;
  }
  return { entries, next: start + from };
}

const newline = 10;

function bytesOf(path: string, start: number, end: number): Buffer {
  const buffer = Buffer.alloc(end - start);
  const descriptor = openSync(path, "r");
  try {
    return buffer.subarray(0, readSync(descriptor, buffer, 0, buffer.length, start));
  } finally {
    closeSync(descriptor);
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours and other control characters are what is removed
const control = /\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f]/g;

/** Without control characters and logins in addresses, and not too long. */
function textOf(line: Buffer): string {
  const text = withShownAddresses(line.toString().replaceAll(control, ""));
  return text.length > maxLineLength ? `${text.slice(0, maxLineLength)}…` : text;
}

import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** The files of a run in the order of their tasks: dags/user_automation.py names them. */
export const stageFiles = [
  { task: "fetch", file: "raw.jsonl" },
  { task: "format", file: "users.jsonl" },
  { task: "backup", file: "backed-up.jsonl" },
  { task: "produce", file: "produced.jsonl" },
] as const;

/** A line of a run's files. */
export interface Trace {
  task: string;
  file: string;
  /** From 1. */
  line: number;
  /** When the file was completed, in milliseconds since 1970. */
  writtenMs: number;
  /** Why the task rejected the line, if it is in its file of rejects. */
  rejected?: string;
}

/** A run that has the user in one of its files. */
export interface FoundRun {
  /** The run's id; the name of its folder if that does not tell the id. */
  run: string;
  folder: string;
  traces: Trace[];
  /** The last task that has written its file. */
  completed: string | undefined;
}

export interface RunSearch {
  found: FoundRun[];
  /** How many runs were looked at, and when the oldest of them began to write, in milliseconds since 1970. */
  runs: number;
  sinceMs: number | undefined;
  /** Older runs that were not looked at. */
  skipped: number;
}

/** How much is read at most, in bytes, unless everything is asked for. */
const maxBytes = 256 * 1024 ** 2;

/** Looks for a text in the files of all runs, the newest first. */
export async function searchRuns(folder: string, text: string, thorough: boolean): Promise<RunSearch> {
  const names = await readdir(folder, { withFileTypes: true });
  const folders = await Promise.all(
    names
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => ({ name, changedMs: (await stat(join(folder, name))).mtimeMs })),
  );
  folders.sort((a, b) => b.changedMs - a.changedMs);
  const search: RunSearch = { found: [], runs: 0, sinceMs: undefined, skipped: 0 };
  let left = thorough ? Number.POSITIVE_INFINITY : maxBytes;
  for (const { name } of folders) {
    if (left <= 0) {
      search.skipped = folders.length - search.runs;
      break;
    }
    const { traces, bytes, completed, firstMs } = await searchRun(join(folder, name), Buffer.from(text));
    left -= bytes;
    search.runs += 1;
    if (firstMs !== undefined) search.sinceMs = Math.min(search.sinceMs ?? firstMs, firstMs);
    if (traces.length > 0) search.found.push({ run: runIdOf(name), folder: name, traces, completed });
  }
  return search;
}

async function searchRun(folder: string, text: Buffer) {
  const traces: Trace[] = [];
  let bytes = 0;
  let completed: string | undefined;
  let firstMs: number | undefined;
  for (const { task, file } of stageFiles) {
    const rejects = file.replace(/\.jsonl$/, ".rejects.jsonl");
    for (const name of [file, rejects]) {
      const content = await readFile(join(folder, name)).catch(() => null);
      if (!content) continue;
      const { mtimeMs } = await stat(join(folder, name));
      bytes += content.length;
      firstMs ??= mtimeMs;
      if (name === file) completed = task;
      const at = content.indexOf(text);
      if (at < 0) continue;
      const found = { task, file: name, line: linesBefore(content, at) + 1, writtenMs: mtimeMs };
      traces.push(name === rejects ? { ...found, rejected: reasonOf(content, at) } : found);
    }
  }
  return { traces, bytes, completed, firstMs };
}

function linesBefore(content: Buffer, end: number): number {
  let lines = 0;
  for (let at = content.indexOf(10); at >= 0 && at < end; at = content.indexOf(10, at + 1)) lines += 1;
  return lines;
}

/** The reason of the reject at a position, without the original. */
function reasonOf(content: Buffer, at: number): string {
  const start = content.lastIndexOf(10, at) + 1;
  const end = content.indexOf(10, at);
  try {
    const reject = JSON.parse(content.subarray(start, end < 0 ? undefined : end).toString()) as { reason?: unknown };
    return String(reject.reason);
  } catch {
    return "unknown";
  }
}

/** The id of the run of a folder: dags/runs.py replaces characters of it and appends its hash, which shows which. */
function runIdOf(folder: string): string {
  const [, kind, date, hour, minute, second, micros, zoneHour, zoneMinute, rest = "", hash] =
    /^(\w+?)__(\d{4}-\d\d-\d\dT)(\d\d)_(\d\d)_(\d\d)(?:_(\d{1,6}))?_(\d\d)_(\d\d)(_\w+)?-([0-9a-f]{8})$/.exec(folder) ??
    [];
  if (kind === undefined || hash === undefined) return folder;
  const time = `${date}${hour}:${minute}:${second}${micros ? `.${micros}` : ""}+${zoneHour}:${zoneMinute}`;
  const id = `${kind}__${time}${rest}`;
  return createHash("sha256").update(id).digest("hex").startsWith(hash) ? id : folder;
}

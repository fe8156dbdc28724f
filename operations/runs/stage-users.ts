import { stat } from "node:fs/promises";
import { join } from "node:path";
import { idField } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import { folderOf, jsonLines } from "../reconcile/run-files.ts";

/** A record that a task rejected. */
export interface Rejected {
  task: string;
  reason: string;
  /** As the task got it, without the source's secrets. */
  original: unknown;
}

/** Who is in the files of a run; a file that is not there yet is undefined. */
export interface StageUsers {
  formatted: User[];
  backedUp: Set<string> | undefined;
  produced: Set<string> | undefined;
  rejected: Rejected[];
  /** When the first file was written and when one last changed, in milliseconds since 1970. */
  sinceMs: number;
  changedMs: number;
}

const files = {
  formatted: "users.jsonl",
  backedUp: "backed-up.jsonl",
  produced: "produced.jsonl",
} as const;
const rejectFiles = [
  { task: "fetch", file: "raw.rejects.jsonl" },
  { task: "format", file: "users.rejects.jsonl" },
  { task: "backup", file: "backed-up.rejects.jsonl" },
  { task: "produce", file: "produced.rejects.jsonl" },
];

/** Reads a run's files, each again only once it has changed. Undefined as long as the run has written none. */
export function openStageUsers(runsDir: string, runId: string) {
  const folder = join(runsDir, folderOf(runId));
  const kept = new Map<string, { changedMs: number; lines: unknown[] }>();

  async function lines(file: string): Promise<unknown[] | undefined> {
    const path = join(folder, file);
    const changedMs = (await stat(path).catch(() => undefined))?.mtimeMs;
    if (changedMs === undefined) return void kept.delete(file);
    const known = kept.get(file);
    if (known?.changedMs === changedMs) return known.lines;
    const read = { changedMs, lines: (await jsonLines(path)).map(withoutBulk) };
    kept.set(file, read);
    return read.lines;
  }

  return async (): Promise<StageUsers | undefined> => {
    const [formatted, backedUp, produced, ...rejects] = await Promise.all([
      ...Object.values(files).map(lines),
      ...rejectFiles.map(({ file }) => lines(file)),
    ]);
    if (kept.size === 0) return undefined;
    return {
      formatted: (formatted ?? []) as User[],
      backedUp: backedUp && idsIn(backedUp),
      produced: produced && idsIn(produced),
      rejected: rejectFiles.flatMap(({ task }, index) => (rejects[index] ?? []).map((line) => rejectOf(task, line))),
      sinceMs: Math.min(...[...kept.values()].map(({ changedMs }) => changedMs)),
      changedMs: Math.max(...[...kept.values()].map(({ changedMs }) => changedMs)),
    };
  };
}

const idOf = (line: unknown) => String((line as Record<string, unknown>)[idField]);
const idsIn = (lines: readonly unknown[]) => new Set(lines.map(idOf));

/** A line is an object, even if the file was edited by hand. */
const withoutBulk = (line: unknown): object => (typeof line === "object" && line !== null ? line : {});

function rejectOf(task: string, line: unknown): Rejected {
  const { reason, original } = line as { reason?: unknown; original?: unknown };
  return { task, reason: String(reason ?? "unknown"), original: original ?? line };
}

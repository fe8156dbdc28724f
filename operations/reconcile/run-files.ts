import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { idField } from "../../contract/entity.ts";
import { parseGiven } from "../../contract/given-user.ts";
import { keyOf } from "../../contract/topics.ts";
import type { User } from "../../contract/user.ts";

/** The stage files of a run that have users, in order; the last one exists once the run has succeeded. */
const stages = { formatted: "users.jsonl", backedUp: "backed-up.jsonl", produced: "produced.jsonl" } as const;
const rejectFiles = ["backed-up.rejects.jsonl", "produced.rejects.jsonl"];

/** As the DAG's `dagrun_timeout`: a run that has not changed its files for that long has failed. */
const runningWithinMs = 2 * 3_600_000;

export interface RunFolder {
  /** The folder's name. */
  name: string;
  path: string;
  /** When its files last changed, in milliseconds since 1970. */
  changedMs: number;
  /** Whether it has neither succeeded nor been quiet for so long that it must have failed. */
  isRunning: boolean;
}

/** The name of a run's folder, as dags/runs.py makes it. */
export const folderOf = (runId: string) =>
  `${runId.replaceAll(/[^A-Za-z0-9_-]/gu, "_").slice(0, 100)}-${createHash("sha256").update(runId).digest("hex").slice(0, 8)}`;

/** The folders of runs that have formatted users, or only that of one run, by its id or its folder's name. */
export async function runFolders(runsDir: string, runId?: string): Promise<RunFolder[]> {
  const names = existsSync(runsDir) ? (await readdir(runsDir)).sort() : [];
  const wanted = names.filter((name) => runId === undefined || name === runId || name === folderOf(runId));
  const folders: RunFolder[] = [];
  for (const name of wanted) {
    const path = join(runsDir, name);
    const files = await Promise.all(Object.values(stages).map((file) => changedAt(join(path, file))));
    if (files[0] === undefined) continue;
    const changedMs = Math.max(...files.map((changed) => changed ?? 0));
    const isRunning = files.at(-1) === undefined && Date.now() - changedMs < runningWithinMs;
    folders.push({ name, path, changedMs, isRunning });
  }
  return folders;
}

const changedAt = async (file: string) => (await stat(file).catch(() => undefined))?.mtimeMs;

/** The users of a run that no later task has rejected. Lines that are not users are its rejects. */
export async function usersOfRun({ path }: RunFolder): Promise<User[]> {
  const rejected = new Set<unknown>();
  for (const file of rejectFiles)
    for (const line of await jsonLines(join(path, file))) {
      const { original } = line as { original?: Partial<User> };
      rejected.add(original?.[idField]);
    }
  return (await jsonLines(join(path, stages.formatted))).flatMap((line) => {
    const user = parseGiven(line);
    return user.success && !rejected.has(keyOf(user.data)) ? [user.data] : [];
  });
}

/** A run has a few thousand users at most, so its files are read whole. */
export async function jsonLines(file: string): Promise<unknown[]> {
  if (!existsSync(file)) return [];
  return (await Bun.file(file).text()).split("\n").flatMap((line) => {
    try {
      return line.trim() === "" ? [] : [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

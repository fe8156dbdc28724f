import { existsSync } from "node:fs";
import { open, readdir, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { idsIn } from "../../contract/forgotten.ts";
import type { Forgotten } from "../../stream/forgotten/forgotten.ts";

/** The id of a line of a run's files that has it in another form than as text. */
export type IdOfLine = (line: unknown) => string | undefined;

/**
 * Takes the lines about those who were forgotten out of the files of all runs; everything else, also the time of a
 * file, stays as it is. Returns how many lines it were.
 */
export async function cleanRuns(folder: string, forgotten: Forgotten, idOfLine: IdOfLine, apply: boolean) {
  let count = 0;
  const names = await readdir(folder, { withFileTypes: true });
  for (const run of names.filter((entry) => entry.isDirectory()))
    for (const name of await readdir(join(folder, run.name)))
      if (/\.(jsonl|tmp|forget)$/.test(name))
        count += await cleanLines(join(folder, run.name, name), forgotten, idOfLine, apply);
  return count;
}

async function cleanLines(file: string, forgotten: Forgotten, idOfLine: IdOfLine, apply: boolean): Promise<number> {
  const before = await stat(file);
  const lines = (await readFile(file, "utf8")).split("\n");
  const isAbout = (line: string) =>
    idsIn(Buffer.from(line)).some(forgotten.has) || forgotten.has(lineId(line, idOfLine) ?? "");
  const kept = lines.filter((line) => !isAbout(line));
  const count = lines.length - kept.length;
  if (count === 0 || !apply) return count;
  await writeFile(`${file}.forget`, kept.join("\n"), { mode: before.mode });
  await utimes(`${file}.forget`, before.atime, before.mtime);
  // A task may have written the file meanwhile.
  if ((await stat(file)).mtimeMs !== before.mtimeMs) return cleanLines(file, forgotten, idOfLine, apply);
  await rename(`${file}.forget`, file);
  return count;
}

function lineId(line: string, idOfLine: IdOfLine): string | undefined {
  if (line === "") return undefined;
  try {
    const json = JSON.parse(line) as { original?: unknown };
    return idOfLine(json) ?? idOfLine(json.original);
  } catch {
    return undefined;
  }
}

/** What replaces an id in a log; of the same length, since a program may be writing to the file. */
const mask = "forgotten-0000-0000-0000-000000000000";

/** Overwrites the ids of those who were forgotten in all files of a folder. Returns how many it were. */
export async function cleanLogs(folder: string, forgotten: Forgotten, apply: boolean): Promise<number> {
  if (!existsSync(folder)) return 0;
  let count = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) count += await maskIds(join(entry.parentPath, entry.name), forgotten, apply);
  return count;
}

async function maskIds(file: string, forgotten: Forgotten, apply: boolean): Promise<number> {
  const log = await open(file, apply ? "r+" : "r").catch(() => undefined); // it has been removed
  if (!log) return 0;
  try {
    const bytes = await log.readFile();
    let count = 0;
    for (const id of new Set(idsIn(bytes).filter(forgotten.has)))
      for (let at = bytes.indexOf(id); at >= 0; at = bytes.indexOf(id, at + id.length)) {
        if (apply) await log.write(mask.slice(0, id.length), at);
        count++;
      }
    return count;
  } finally {
    await log.close();
  }
}

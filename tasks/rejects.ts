import { rm } from "node:fs/promises";
import { format, parse } from "node:path";
import type { Log } from "../runtime/log.ts";
import { toLines } from "./lines.ts";
import { type Output, openFile } from "./output.ts";

/** A record that was rejected: the reason, its line and the parts of it that may be shown. */
export interface Reject {
  reason: string;
  /** Line of the input, from 1; absent if the input has no lines. */
  line?: number;
  /** The original, without anything that may be secret. */
  original: unknown;
}

export interface Rejects {
  add(rejects: readonly Reject[]): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** users.jsonl -> users.rejects.jsonl in the same folder. */
export function rejectsBeside(output: string): string {
  const { dir, name, ext } = parse(output);
  return format({ dir, name: `${name}.rejects`, ext });
}

/** A file of rejects, one per line. Without rejects no file is written, and the file of an earlier run is removed. */
export function rejectsFile(path: string): Rejects {
  let file: Output | undefined;
  return {
    async add(rejects) {
      if (rejects.length === 0) return;
      file ??= await openFile(path);
      await file.write(toLines(rejects));
    },
    commit: () => (file ? file.commit() : rm(path, { force: true })),
    discard: async () => file?.discard(),
  };
}

/** Logs rejects, for a task that has no output file. */
export function logRejects(log: Log): Rejects {
  return {
    async add(rejects) {
      for (const { reason, line, original } of rejects)
        log.warn("rejected", { reason, ...(line !== undefined && { line }), original: JSON.stringify(original) });
    },
    commit: async () => {},
    discard: async () => {},
  };
}

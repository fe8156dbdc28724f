import { rm } from "node:fs/promises";
import { format, parse } from "node:path";
import type { Log } from "../runtime/log.ts";
import { toLines } from "./lines.ts";
import { type Output, openFile } from "./output.ts";

/** A record that does not fit: why, where it stood, and what may be shown of it. */
export interface Reject {
  reason: string;
  /** Line of the input, from 1; absent where the input has no lines. */
  line?: number;
  /** The original without what nobody vouches for. */
  original: unknown;
}

export interface Rejects {
  add(rejects: readonly Reject[]): Promise<void>;
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** users.jsonl -> users.rejects.jsonl, beside it. */
export function rejectsBeside(output: string): string {
  const { dir, name, ext } = parse(output);
  return format({ dir, name: `${name}.rejects`, ext });
}

/** A file of rejects, one a line. Without rejects there is no file, and one of an earlier run is removed. */
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

/** Rejects as log events, for a stream that has no file to write beside. */
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

import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";

/** A program of the project started by a test, in addition to those in the stack. */
export interface StartedProgram {
  pid: number;
  /** Its output on stdout and stderr so far. */
  output: () => Promise<string>;
  signal: (signal: NodeJS.Signals) => void;
  /** Resolves with the exit code; 128 plus the number of the signal that killed it, as in a shell. */
  exited: Promise<number>;
}

const project = join(import.meta.dir, "..", "..");

/**
 * Starts `bun FILE ARGS…`, or a compiled program, in the project's folder or in that of a copy. Its output goes to a file
 * in the stack's log folder, which is kept if a test fails.
 */
export function startProgram(file: string, args: string[], env: Record<string, string>, cwd = project): StartedProgram {
  const folder = join(env.STACK_DIR ?? join(project, ".stack"), "logs", "tests");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${file.replaceAll("/", "-")}-${Date.now()}-${crypto.randomUUID().slice(0, 8)}.log`);
  const log = openSync(path, "a"); // one file for both streams, which would otherwise overwrite each other
  const program = file.endsWith(".ts") ? [globalThis.process.execPath, file] : [file];
  const process = Bun.spawn([...program, ...args], {
    cwd,
    env,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  return {
    pid: process.pid,
    output: () => Bun.file(path).text(),
    signal: (signal) => process.kill(signal),
    exited: process.exited,
  };
}

import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";

/** A program of the project that a test runs on its own, beside those that the stack keeps. */
export interface StartedProgram {
  pid: number;
  /** What it wrote to stdout and stderr so far. */
  output: () => Promise<string>;
  signal: (signal: NodeJS.Signals) => void;
  /** Resolves with the exit code; 128 and more for a signal, as a shell counts. */
  exited: Promise<number>;
}

const project = join(import.meta.dir, "..", "..");

/**
 * Starts `bun FILE ARGS…` in the project's folder. Its output goes to a file in the stack's folder of logs, which stays
 * when a test fails.
 */
export function startProgram(file: string, args: string[], env: Record<string, string>): StartedProgram {
  const folder = join(env.STACK_DIR ?? join(project, ".stack"), "logs", "tests");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${file.replaceAll("/", "-")}-${Date.now()}-${crypto.randomUUID().slice(0, 8)}.log`);
  const log = openSync(path, "a"); // one file for both, or each would write over the other
  const process = Bun.spawn([globalThis.process.execPath, file, ...args], {
    cwd: project,
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

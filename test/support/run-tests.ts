import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { project } from "../../stack/instance.ts";
import { type Tally, tallyOf } from "./junit.ts";

export interface TestProcess {
  /** The name shown in failures: a file or a group of files. */
  name: string;
  argv: string[];
  /** Where the process writes its JUnit report. */
  report: string;
  env: Record<string, string | undefined>;
  /** A process that takes longer is killed and counts as failed. */
  withinMs: number;
}

/**
 * Runs one test process, prints its output when it has ended, so that those that run at the same time do not mix, and
 * reads its report. A process that fails without a failed test in its report (a crash, a file that does not load, the
 * deadline) counts as one failed test. Child processes that outlive it are killed.
 */
export async function runTests(
  { name, argv, report, env, withinMs }: TestProcess,
  stop: AbortSignal,
  print: (line: string) => void = console.log,
): Promise<Tally> {
  for (const file of [report, `${report}.log`]) rmSync(file, { force: true });
  mkdirSync(dirname(report), { recursive: true });
  const begin = performance.now();
  const limit = AbortSignal.any([stop, AbortSignal.timeout(withinMs)]);
  const output = openSync(`${report}.log`, "a"); // one file for both streams, in the order of their lines
  // Detached: the leader of a process group, which is killed as a whole.
  const tests = Bun.spawn(argv, { cwd: project, env, stdio: ["ignore", output, output], detached: true });
  const end = () => endGroup(tests.pid);
  limit.addEventListener("abort", end);
  const exitCode = await tests.exited;
  limit.removeEventListener("abort", end);
  end();

  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  const tally = existsSync(report) ? tallyOf(readFileSync(report, "utf8")) : { passed: 0, failed: 0, failures: [] };
  if (exitCode !== 0 && tally.failed === 0) {
    tally.failed = 1;
    const why = stop.aborted
      ? "interrupted"
      : limit.aborted
        ? `not done within ${withinMs / 1_000} s`
        : `ended with exit code ${exitCode}`;
    tally.failures.push(`${name}: ${why}`);
  }
  closeSync(output);
  print(readFileSync(`${report}.log`, "utf8").trimEnd());
  print(`${tally.failed === 0 ? "pass" : "FAIL"}  ${seconds.padStart(5)} s  ${name}: ${tally.passed} passed`);
  return tally;
}

function endGroup(leader: number) {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // The group has already ended.
  }
}

/** A test or hook that takes longer hangs. Long, since it may wait for several things, each with a limit of its own. */
export const timeoutFlag = "--timeout=480000";

/** `bun test` on files or folders of the project, given as `./path`. */
export const bunTest = (paths: string[], report: string): string[] => [
  process.execPath,
  "--no-env-file",
  "test",
  timeoutFlag,
  "--reporter=junit",
  `--reporter-outfile=${report}`,
  ...paths,
];

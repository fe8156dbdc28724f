import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../runtime/until.ts";
import { runTests } from "./run-tests.ts";

const folder = mkdtempSync(join(tmpdir(), "run-tests-"));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (script: string, withinMs = 30_000, stop = new AbortController().signal) =>
  runTests(
    { name: "some.test.ts", argv: ["sh", "-c", script], report: join(folder, "some.xml"), env: process.env, withinMs },
    stop,
    () => {},
  );

const oneFailure = (why: string) => ({ passed: 0, failed: 1, failures: [`some.test.ts: ${why}`] });

test("a process that crashes before writing a report counts as one failed test", async () => {
  expect(await run("exit 3")).toEqual(oneFailure("ended with exit code 3"));
});

test("failures in the report are not counted again for the exit code", async () => {
  const report = '<testsuites><testcase name="a"/><testcase name="b"><failure/></testcase></testsuites>';
  expect(await run(`echo '${report}' > ${join(folder, "some.xml")}; exit 1`)).toEqual({
    passed: 1,
    failed: 1,
    failures: ["b"],
  });
});

test("a process that hangs is killed at its deadline, with its child processes", async () => {
  const pidFile = join(folder, "pid");
  expect(await run(`sleep 1000 & echo $! > ${pidFile}; wait`, 500)).toEqual(oneFailure("not done within 0.5 s"));
  await until("its child has ended", async () => !isAlive(Number(await Bun.file(pidFile).text())), { everyMs: 10 });
});

test("child processes that outlive a process are killed", async () => {
  const pidFile = join(folder, "pid");
  await run(`sleep 1000 > /dev/null & echo $! > ${pidFile}`);
  await until("its child has ended", async () => !isAlive(Number(await Bun.file(pidFile).text())), { everyMs: 10 });
});

test("an interruption kills the process immediately", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  expect(await run("sleep 1000", 30_000, stop.signal)).toEqual(oneFailure("interrupted"));
});

/** A process that has ended may still be a zombie, which has no command line. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

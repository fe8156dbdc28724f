import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { State } from "../supervisor/programs.ts";
import { exitFindings, exitsOf } from "./exits.ts";

const logs = mkdtempSync(join(tmpdir(), "doctor-exits-"));
afterAll(() => rmSync(logs, { recursive: true }));

/** supervisor's log, as it writes it: local times. */
const log = (...events: [minutesAgo: number, text: string][]) =>
  events
    .map(([minutesAgo, text]) => {
      const time = new Date(Date.now() - minutesAgo * 60_000);
      const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString();
      return `${local.slice(0, 10)} ${local.slice(11, 19)},123 INFO ${text}\n`;
    })
    .join("");

async function look(state: State, supervisorLog: string, programLog = "", tooMany?: number) {
  writeFileSync(join(logs, "supervisord.log"), supervisorLog);
  writeFileSync(join(logs, "kafka.log"), programLog);
  const findings = await exitFindings(
    "Kafka",
    { name: "kafka", state, pid: 0, uptimeSeconds: 0, wasStarted: true },
    { logs, tooMany },
  );
  return findings.map(({ severity, cause, explains = [] }) =>
    `${severity}: ${cause} (${explains})`.replaceAll(/\d\d:\d\d/g, "12:34"),
  );
}

const crashed = "exited: kafka (exit status 1; not expected)";

test("exits are counted with how each ended, from the start that somebody asked for", () => {
  const text = log(
    [50, crashed],
    [40, "stopped: kafka (terminated by SIGTERM)"],
    [30, "exited: kafka (terminated by SIGKILL; not expected)"],
    [20, "exited: kafka (terminated by SIGABRT (core dumped); not expected)"],
    [15, "exited: connect (exit status 3; not expected)"],
    [10, "exited: kafka (exit status 0; expected)"],
  );
  expect(exitsOf("kafka", text).map(({ how }) => how)).toEqual(["SIGKILL", "SIGABRT", "exit status 0"]);
  expect(exitsOf("kafka", `${text}${log([5, "supervisord started with pid 42"])}`)).toEqual([]);
  expect(exitsOf("kafka", "")).toEqual([]);
});

test("a program that runs and has crashed once or twice while others started is none", async () => {
  expect(await look("RUNNING", log([5, crashed], [5, crashed]))).toEqual([]);
  expect(await look("RUNNING", log([5, crashed]), "", 1)).toHaveLength(1); // unless it is about that start
});

test("a program that crashes again and again is named, with the reason in its log", async () => {
  const often = log([30, crashed], [20, crashed], [10, crashed]);
  const reason = "INFO starting\nERROR Failed to bind to 127.0.0.1:9092\n  at kafka.Server\n";
  const cause =
    "kafka exited 3 times in the last hour, last at 12:34 (exit status 1): ERROR Failed to bind to 127.0.0.1:9092";
  expect(await look("RUNNING", often, reason)).toEqual([`warning: ${cause} ()`]);
  expect(await look("BACKOFF", often, reason)).toEqual([`error: ${cause} (Kafka)`]);
});

test("crashes more than an hour ago are forgotten", async () => {
  expect(await look("RUNNING", log([90, crashed], [80, crashed], [70, crashed]))).toEqual([]);
});

test("a program that has been killed is named, even once", async () => {
  const [found] = await look("RUNNING", log([30, "exited: kafka (terminated by SIGKILL; not expected)"]));
  expect(found).toStartWith("warning: kafka was killed (SIGKILL) 1 time in the last hour, last at 12:34");
});

test("a JVM that ran out of memory is told apart from one that exits for another reason", async () => {
  const exited = log([0, "exited: kafka (exit status 3; not expected)"]);
  const reason = "Terminating due to java.lang.OutOfMemoryError: Java heap space\n";
  expect(await look("RUNNING", exited, reason)).toEqual([
    "error: kafka ran out of memory (Java's OutOfMemoryError) and exited 1 time in the last hour, last at 12:34 (Kafka)",
  ]);
  expect(await look("RUNNING", exited, "INFO starting\n")).toEqual([]);
});

import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseLine } from "./line.ts";
import { openLogs, tailBytes } from "./logs.ts";

const folder = mkdtempSync(join(tmpdir(), "logs-"));
mkdirSync(join(folder, "logs"));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (program: string) => join(folder, "logs", `${program}.log`);

test.each([
  ['time=2026-11-28T07:12:38.425Z level=info logger=api msg="x"', "2026-11-28T07:12:38.425Z", "info"],
  ["2026-11-28T07:12:37.250605Z [warning  ] Using `httpx` [py.warnings]", "2026-11-28T07:12:37.250Z", "warning"],
  ["2026-11-28 07:30:57.941 UTC [6518] ERROR:  duplicate key value", "2026-11-28T07:30:57.941Z", "error"],
  ["2026-11-28 07:30:57.941 UTC [6518] LOG:  checkpoint starting", "2026-11-28T07:30:57.941Z", "info"],
  ["2026-11-28 07:30:45.606 [kafka-log-error] INFO kafka.log - x", "local 2026-11-28T07:30:45.606", "info"],
  ["2026-11-28 07:12:36,124 ERROR [Worker] failed", "local 2026-11-28T07:12:36.124", "error"],
  ["2026-11+00-28 07:12:31 WARN [null] (main) deprecated", "local 2026-11-28T07:12:31.000", "warning"],
  ["2026-11-28 07:12:19,859 CRIT Supervisor runs as root", "local 2026-11-28T07:12:19.859", "error"],
  ["26/11/28 07:12:19 WARN NativeCodeLoader: x", "local 2026-11-28T07:12:19.000", "warning"],
] as const)("%s", (line, at, level) => {
  expect(parseLine(line)).toMatchObject({ atMs: new Date(at.replace("local ", "")).getTime(), level });
});

test("a line that continues another has neither", () => {
  expect(parseLine("\tat org.apache.kafka.Broker.ERROR(Broker.java:1)")).toEqual({ timeLength: 0 });
  expect(parseLine("2026-11-28 07:30:57.941 UTC [6518] DETAIL:  Key (id)=(1) exists")).toEqual({
    atMs: new Date("2026-11-28T07:30:57.941Z").getTime(),
    timeLength: 27,
  });
});

test("logs are merged by time, filtered, followed across a rotation, and show no login", () => {
  const consumer = (second: number, level: string, text: string) =>
    `time=2026-11-28T07:00:${String(second).padStart(2, "0")}.000Z level=${level} logger=consumer msg="${text}"\n`;
  writeFileSync(fileOf("consumer"), consumer(1, "info", "one") + consumer(5, "error", "five"));
  const failed = "2026-11-28 07:00:03.000 UTC [1] ERROR:  three\n2026-11-28 07:00:03.000 UTC [1] STATEMENT:  SELECT\n";
  writeFileSync(fileOf("postgres"), `${failed}2026-11-28 07:00:04.000 UTC [1] LOG:  at postgres://rachel:pa55@h/app\n`);
  const logs = openLogs(folder);
  expect(logs.programs()).toEqual(["consumer", "postgres"]);

  const shown = (query: Partial<Parameters<typeof logs.tail>[0]> = {}) =>
    logs.tail({ lines: 100, ...query }).map(({ program, level, text }) => `${program} ${level} ${text.slice(-9)}`);
  expect(shown()).toEqual([
    'consumer info msg="one"',
    "postgres error R:  three",
    "postgres error :  SELECT",
    "postgres info s://h/app",
    'consumer error sg="five"',
  ]);
  expect(shown({ level: "error", program: "consumer" })).toEqual(['consumer error sg="five"']);
  expect(shown({ filter: "THREE" })).toEqual(["postgres error R:  three"]);
  expect(shown({ lines: 1 })).toEqual(['consumer error sg="five"']);

  appendFileSync(fileOf("consumer"), consumer(6, "info", "six").slice(0, 30));
  expect(shown({ program: "consumer", lines: 1 })).toEqual(['consumer error sg="five"']); // half a line
  appendFileSync(fileOf("consumer"), consumer(6, "info", "six").slice(30));
  expect(shown({ program: "consumer", lines: 1 })).toEqual(['consumer info msg="six"']);

  renameSync(fileOf("consumer"), `${fileOf("consumer")}.1`);
  writeFileSync(fileOf("consumer"), consumer(7, "info", "seven"));
  expect(shown({ program: "consumer", lines: 2 })).toEqual(['consumer info msg="six"', 'consumer info g="seven"']);
});

test("only the end of a long log is kept, in whole lines", () => {
  const line = (index: number) => `2026-11-28 07:00:00.000 [main] INFO ${index} ${"é".repeat(200)}\n`;
  const lines = Array.from({ length: 2_000 }, (_, index) => line(index));
  writeFileSync(fileOf("kafka"), lines.join(""));
  const logs = openLogs(folder);
  const bytes = () =>
    logs.tail({ program: "kafka", lines: 10_000 }).reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
  expect(bytes()).toBeLessThanOrEqual(tailBytes);
  expect(bytes()).toBeGreaterThan(tailBytes - 1_000);
  for (let index = 2_000; index < 2_500; index++) appendFileSync(fileOf("kafka"), line(index));
  expect(bytes()).toBeLessThanOrEqual(tailBytes);
  expect(logs.tail({ program: "kafka", lines: 1 })[0]?.text).toStartWith("2026-11-28 07:00:00.000 [main] INFO 2499 é");
});

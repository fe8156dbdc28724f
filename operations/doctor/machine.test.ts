import { afterAll, afterEach, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../runtime/until.ts";
import { diskFindings, handleFindings, javaFindings, memoryFindings, needs, toolFindings } from "./machine.ts";

const folder = mkdtempSync(join(tmpdir(), "doctor-machine-"));
const started: Bun.Subprocess[] = [];
const start = (argv: string[]) => {
  const child = Bun.spawn(argv, { stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  return child;
};
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true }));

const aTerabyte = 1024 ** 4;

test("little disk space is a warning, very little an error, and folders on one disk are one", async () => {
  const both = [folder, tmpdir(), "/no/such/folder"];
  expect(await diskFindings(both, { error: 0, warning: 1_000 * aTerabyte })).toMatchObject([
    {
      severity: "warning",
      about: "this machine",
      cause: expect.stringMatching(/^only [\d,]+ MB of free space on the disk of \/tmp/),
    },
  ]);
  expect(await diskFindings(both, { error: 1_000 * aTerabyte, warning: 1_000 * aTerabyte })).toMatchObject([
    { severity: "error" },
  ]);
  expect(await diskFindings(both, { error: 1, warning: 2 })).toEqual([]);
});

test.if(process.platform === "linux")("little memory is found", () => {
  expect(memoryFindings({ error: 0, warning: aTerabyte * 1_000 })).toMatchObject([
    { severity: "warning", cause: expect.stringMatching(/^only [\d,]+ MB of memory available$/) },
  ]);
  expect(memoryFindings({ error: 1, warning: 2 })).toEqual([]);
  expect(memoryFindings(needs.memory, 100 * 1024 ** 2)).toMatchObject([{ severity: "error" }]);
});

test.if(process.platform === "linux")(
  "a program with few file handles is named, and one that has nearly used them up",
  async () => {
    const few = start(["bash", "-c", "ulimit -n 300; exec sleep 100"]);
    const used = start([
      "bash",
      "-c",
      'ulimit -n 64; for fd in {10..60}; do eval "exec $fd</dev/null"; done; exec sleep 100',
    ]);
    const many = start(["bash", "-c", "ulimit -n 8192 2>/dev/null; exec sleep 100"]);
    const program = (name: string, { pid }: Bun.Subprocess) => ({ name, pid });
    const programs = [program("kafka", few), program("cassandra", used), program("connect", many)];
    await until(
      "both have set their limits",
      () => handleFindings(programs).length === 2 && handleFindings(programs)[1]?.severity === "error",
    );
    const [one, other] = handleFindings(programs);
    expect(one).toMatchObject({ severity: "warning", about: "this machine" });
    expect(one?.cause).toMatch(/^kafka may open 300 files, and has \d open$/);
    expect(other).toMatchObject({ severity: "error" });
    expect(other?.cause).toMatch(/^cassandra may open 64 files, and has 5\d open$/);
  },
);

const script = (path: string, ...lines: string[]) => {
  writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(path, 0o755);
};

test("a Node that is too old is named with its path, and a Python only where it is needed", async () => {
  const old = mkdtempSync(join(folder, "old-"));
  script(join(old, "node"), "echo v18.20.4");
  script(join(old, "python3"), "exit 1"); // as Python 3.10 answers the question whether it is new enough
  expect(await toolFindings(old, true)).toMatchObject([
    {
      severity: "warning",
      about: "Node",
      cause: `${old}/node is v18.20.4, and npx needs Node 20 or newer to fetch Bun`,
    },
    { severity: "error", about: "Python", cause: "no Python 3.11 or newer with the venv module is on the PATH" },
  ]);
  script(join(old, "node"), "echo v22.1.0");
  expect(await toolFindings(old, false)).toEqual([]);
  expect(await toolFindings(join(folder, "empty"), false)).toEqual([]);
  expect(await toolFindings(process.env.PATH ?? "", true)).toEqual([]);
});

test.if(process.platform === "linux")("a program that runs on a Java that is too old is named", async () => {
  const home = mkdtempSync(join(folder, "jdk-"));
  mkdirSync(join(home, "bin"));
  copyFileSync(Bun.which("sleep")!, join(home, "bin", "java"));
  const release = (version: string) =>
    writeFileSync(join(home, "release"), `IMPLEMENTOR="x"\nJAVA_VERSION="${version}"\n`);
  const java = start([join(home, "bin", "java"), "100"]);
  const programs = [
    { name: "cassandra", pid: java.pid },
    { name: "api", pid: process.pid },
  ];
  release("1.8.0_402");
  await until("the program runs", () => javaFindings(programs).length === 1);
  expect(javaFindings(programs)[0]?.cause).toBe(`cassandra runs on Java 8.0_402 (${home}/bin/java), and needs 17`);
  release("11.0.22");
  expect(javaFindings(programs)).toMatchObject([{ severity: "error", about: "Java" }]);
  release("17.0.9");
  expect(javaFindings(programs)).toEqual([]);
});

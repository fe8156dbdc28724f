import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

setDefaultTimeout(240_000); // each command line is a process of its own

const main = join(import.meta.dir, "main.ts");

function operate(...args: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "--no-env-file", main, ...args], {
    env: { PATH: process.env.PATH ?? "", SHELL: "/bin/bash" },
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

const commands = [...operate("--help").stdout.matchAll(/^ {2}bun run ([a-z-]+)/gm)].map(([, name]) => name!);

test("each command is a script of package.json and has help with examples and exit codes", async () => {
  const { scripts } = await Bun.file(join(import.meta.dir, "..", "package.json")).json();
  expect(commands.length).toBeGreaterThan(2);
  for (const name of commands.filter((each) => each !== "completion")) {
    expect(Object.keys(scripts)).toContain(name);
    const { exitCode, stdout } = operate(name, "--help");
    expect([name, exitCode]).toEqual([name, 0]);
    expect(stdout).toStartWith(`bun run ${name}`);
    expect(stdout).toContain("Examples:");
    expect(stdout.replaceAll(/\s+/g, " ")).toMatch(/Exit codes: 0 .*2 /);
    for (const [, own] of stdout.matchAll(new RegExp(`^ {2}bun run ${name} ([a-z]+) .*`, "gm"))) {
      const { exitCode, stdout } = operate(name, own!, "--help");
      expect([name, own, exitCode]).toEqual([name, own, 0]);
      expect(stdout).toContain("--json");
    }
  }
});

test.each([[[]], [["migrat"]], [["migrate", "--chekc"]], [["skip", "users_created", "0", "x", "--because", "y"]]])(
  "a wrong command line shows help and exits with 2: %p",
  (args) => {
    const { exitCode, stdout, stderr } = operate(...args);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/Options:|must be whole numbers/);
  },
);

test("the shell function runs and completes the commands in any folder", () => {
  const { stdout } = operate("completion");
  const script = `${stdout}\ncd / && operate migrate --help && COMP_WORDS=(operate mig) COMP_CWORD=1 && _operate_yargs_completions && echo "completes: \${COMPREPLY[*]}"`;
  const shell = Bun.spawnSync(["bash", "-c", script]);
  expect(shell.stdout.toString()).toContain("bun run migrate");
  expect(shell.stdout.toString()).toContain("completes: migrate");
});

test("migrate --show prints what an administrator runs, and asks no server", () => {
  const { exitCode, stdout } = operate("migrate", "--show");
  expect(exitCode).toBe(0);
  for (const part of [
    "-- PostgreSQL\nCREATE TABLE IF NOT EXISTS",
    "-- Cassandra\nCREATE KEYSPACE IF NOT EXISTS",
    "# Kafka\nkafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --if-not-exists --topic ",
    "# Schema Registry\ncurl -X PUT http://127.0.0.1:8081/apis/ccompat/v7/config/",
  ])
    expect(stdout).toContain(part);
});

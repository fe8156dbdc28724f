import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "./cli/commands.ts";
import { project } from "./instance.ts";

/** Runs `bun run ARGS…` for a stack that does not exist; `touched` tells whether it does afterwards. */
async function bunRun(...args: string[]) {
  const nowhere = mkdtempSync(join(tmpdir(), "nowhere-"));
  const [STACK_DIR, USER_AUTOMATION_CACHE] = [join(nowhere, "stack"), join(nowhere, "cache")];
  const command = Bun.spawn([process.execPath, join(project, "stack/main.ts"), ...args], {
    env: { ...process.env, STACK_DIR, USER_AUTOMATION_CACHE },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
  ]);
  const exitCode = await command.exited;
  const touched = existsSync(STACK_DIR) || existsSync(USER_AUTOMATION_CACHE);
  rmSync(nowhere, { recursive: true });
  return { exitCode, stdout, stderr, touched };
}

const ours = Object.entries(commands).filter(([, { hasOwnHelp }]) => !hasOwnHelp);

test("--help shows what a command does and its options, and does nothing else", async () => {
  const answers = ours.map(async ([name, { summary, options = {} }], index) => {
    const { stdout, ...rest } = await bunRun(name, index % 2 ? "--help" : "-h");
    expect(rest).toEqual({ exitCode: 0, stderr: "", touched: false });
    for (const part of [`usage: bun run ${name}`, summary, ...Object.keys(options)]) expect(stdout).toContain(part);
  });
  await Promise.all(answers);
}, 240_000);

test("an unknown option or an unexpected argument is rejected and nothing is started", async () => {
  for (const args of [
    ["demo", "--hlep"],
    ["up", "--spark", "--now"],
    ["down", "kafka"],
    ["reset", "-y"],
  ]) {
    const { exitCode, stderr, touched } = await bunRun(...args);
    expect([exitCode, touched]).toEqual([2, false]);
    expect(stderr).toContain(
      `bun run ${args[0]}: unknown ${args.at(-1)?.startsWith("-") ? "option" : "argument"}: ${args.at(-1)}`,
    );
  }
}, 240_000);

test("an unknown command is rejected with a list of all commands", async () => {
  for (const args of [["dmeo"], []]) {
    const { exitCode, stderr, touched } = await bunRun(...args);
    expect([exitCode, touched]).toEqual([2, false]);
    for (const name of Object.keys(commands)) expect(stderr).toContain(`bun run ${name}`);
  }
}, 240_000);

test("a cluster with TLS and logins is refused before anything is changed", async () => {
  for (const command of ["up", "demo"]) {
    const { exitCode, stderr, touched } = await bunRun(command, "--cluster", "--secure");
    expect([exitCode, touched]).toEqual([1, false]);
    expect(stderr).toContain("The cluster has no TLS and no logins");
  }
}, 240_000);

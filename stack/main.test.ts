import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commands } from "./cli/commands.ts";
import { project } from "./instance.ts";

/** `bun run ARGS…` for a stack that is not there, and must not be there afterwards. */
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

test("--help says what a command does and which options it has, and does nothing", async () => {
  const answers = ours.map(async ([name, { does, options = {} }], index) => {
    const { stdout, ...rest } = await bunRun(name, index % 2 ? "--help" : "-h");
    expect(rest).toEqual({ exitCode: 0, stderr: "", touched: false });
    for (const part of [`usage: bun run ${name}`, does, ...Object.keys(options)]) expect(stdout).toContain(part);
  });
  await Promise.all(answers);
}, 60_000);

test("an option that a command does not have, or an argument, is refused and starts nothing", async () => {
  for (const args of [
    ["demo", "--hlep"],
    ["up", "--spark", "--now"],
    ["down", "kafka"],
    ["reset", "-y"],
  ]) {
    const { exitCode, stderr, touched } = await bunRun(...args);
    expect([exitCode, touched]).toEqual([2, false]);
    expect(stderr).toContain(`\`bun run ${args[0]}\` does not take ${args.at(-1)}; nothing was done.`);
  }
}, 60_000);

test("a command that does not exist is refused with a list of those that do", async () => {
  for (const args of [["dmeo"], []]) {
    const { exitCode, stderr, touched } = await bunRun(...args);
    expect([exitCode, touched]).toEqual([2, false]);
    for (const name of Object.keys(commands)) expect(stderr).toContain(`bun run ${name}`);
  }
}, 60_000);

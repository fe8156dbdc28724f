import { expect, test } from "bun:test";
import { join } from "node:path";

/** Runs a program whose `main` is `body`. */
async function runProgram(body: string) {
  const path = (name: string) => JSON.stringify(join(import.meta.dir, name));
  const code = `
    import { FinalError, run, TransientError } from ${path("lifecycle.ts")};
    import { openLog } from ${path("log.ts")};
    await run(openLog("probe"), async (stop) => { ${body} });`;
  const program = Bun.spawn([process.execPath, "-e", code], { stdio: ["ignore", "ignore", "pipe"] });
  const log = await new Response(program.stderr).text();
  return { log, code: await program.exited };
}

test("an unknown error is logged with its stack and those of its causes, and no message twice", async () => {
  const { log, code } = await runProgram(`
    function findUser() { throw new TypeError("rachel.kelley@example.com is undefined"); }
    try { findUser(); } catch (cause) { throw new Error("could not store", { cause }); }`);
  expect(code).toBe(1);
  expect(log.trimEnd().split("\n").length).toBe(1);
  expect(log).toContain('error="could not store: rachel.kelley@example.com is undefined" retry=true stack="Error:');
  expect(log).toMatch(/caused by TypeError:\\n\s+at findUser \(.*:\d+:\d+\)/);
  expect(log.split("rachel.kelley").length).toBe(2);
});

test.each([
  ["FinalError", 2],
  ["TransientError", 1],
])("an expected %s is logged with only its message", async (name, exitCode) => {
  const { log, code } = await runProgram(`throw new ${name}("Kafka refuses", { cause: new Error("no rights") });`);
  expect(code).toBe(exitCode);
  expect(log).toContain('msg=failed error="Kafka refuses: no rights"');
  expect(log).not.toContain("stack=");
});

test("a program interrupted by a stop names the signal", async () => {
  const { log, code } = await runProgram(`process.kill(process.pid, "SIGTERM");
    await new Promise((resolve) => stop.addEventListener("abort", resolve));
    stop.throwIfAborted();`);
  expect(code).toBe(1);
  expect(log).toContain('msg=failed error="stopped by SIGTERM" retry=true\n');
});

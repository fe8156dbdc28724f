import { expect, test } from "bun:test";
import { join } from "node:path";

const program = join(import.meta.dir, "..", "test", "support", "blocked-loop.ts");

function start(argv: string[]) {
  const started = Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });
  const reader = started.stdout.getReader();
  const decoder = new TextDecoder();
  let said = "";
  return {
    started,
    /** Resolves with everything that the program has said once that includes a text. */
    async says(text: string) {
      while (!said.includes(text)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`it has said only: ${said}`);
        said += decoder.decode(value);
      }
      return said;
    },
  };
}

test("a program with a blocked event loop is killed, and its log names what it was doing", async () => {
  const { started, says } = start([process.execPath, program]);
  await says("blocks\n");
  started.kill("SIGTERM"); // which it cannot hear
  expect(await started.exited).toBe(137);
  expect(await new Response(started.stderr).text()).toMatch(
    /^time=\S+ level=fatal logger=blocked-loop msg="event loop blocked" stallMs=2000 topic=users_created partition=2 offset=17 lastOffset=40\n$/,
  );
}, 240_000);

test("a program that is busy for a while, or idle, keeps running", async () => {
  const { started, says } = start([process.execPath, program, "1500"]);
  expect(await says("went on\n")).toBe("blocks\nwent on\n");
  await Bun.sleep(4_500); // longer than it may be blocked, and than the watchdog looks again
  started.kill("SIGTERM");
  expect(await started.exited).toBe(0);
}, 240_000);

test("under a debugger, whose breakpoints block the loop, a program keeps running", async () => {
  const { started, says } = start([process.execPath, "--inspect=127.0.0.1:0/paused", program, "6000"]);
  expect(await says("went on\n")).toBe("blocks\nwent on\n");
  started.kill("SIGTERM");
  expect(await started.exited).toBe(0);
}, 240_000);

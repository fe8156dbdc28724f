import { expect, test } from "bun:test";
import { join } from "node:path";

const program = join(import.meta.dir, "..", "test", "support", "blocked-loop.ts");
const start = (argv: string[]) => Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });

test("a program with a blocked event loop is killed, and its log names what it was doing", async () => {
  const blocked = start([process.execPath, program]);
  await Bun.sleep(1_500);
  blocked.kill("SIGTERM"); // which it cannot hear
  expect(await blocked.exited).toBe(137);
  expect(await new Response(blocked.stderr).text()).toMatch(
    /^time=\S+ level=fatal logger=blocked-loop msg="event loop blocked" stallMs=2000 topic=users_created partition=2 offset=17 lastOffset=40\n$/,
  );
}, 20_000);

test("a program that is busy for a while, or idle, keeps running", async () => {
  const busy = start([process.execPath, program, "1500"]);
  await Bun.sleep(6_000);
  busy.kill("SIGTERM");
  expect(await busy.exited).toBe(0);
  expect(await new Response(busy.stdout).text()).toBe("went on\n");
}, 20_000);

test("under a debugger, whose breakpoints block the loop, a program keeps running", async () => {
  const paused = start([process.execPath, "--inspect=127.0.0.1:0/paused", program, "6000"]);
  for await (const bytes of paused.stdout) {
    expect(new TextDecoder().decode(bytes)).toBe("went on\n");
    break;
  }
  paused.kill("SIGTERM");
  expect(await paused.exited).toBe(0);
}, 20_000);

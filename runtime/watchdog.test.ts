import { expect, test } from "bun:test";
import { join } from "node:path";

const program = join(import.meta.dir, "..", "test", "support", "blocked-loop.ts");
const start = (argv: string[]) => Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });

test("a program whose event loop stands still is ended, and its log says what it was at", async () => {
  const blocked = start([process.execPath, program, "forever"]);
  await Bun.sleep(1_500);
  blocked.kill("SIGTERM"); // which it cannot hear
  expect(await blocked.exited).toBe(137);
  expect(await new Response(blocked.stderr).text()).toMatch(
    /^time=\S+ level=fatal logger=blocked-loop msg="event loop stands still" stallMs=2000 topic=users_created partition=2 offset=17 lastOffset=40\n$/,
  );
}, 20_000);

test("one that is busy for a while, or that does nothing, goes on", async () => {
  const busy = start([process.execPath, program, "a while"]);
  await Bun.sleep(6_000);
  busy.kill("SIGTERM");
  expect(await busy.exited).toBe(0);
  expect(await new Response(busy.stdout).text()).toBe("went on\n");
}, 20_000);

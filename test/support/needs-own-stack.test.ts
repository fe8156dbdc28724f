import { expect, test } from "bun:test";
import { project } from "../../stack/instance.ts";

/** Plain `bun test`, with the addresses of a stack in use. */
async function bareBunTest(file: string) {
  const { STACK_FOR_TESTS: _, ...env } = process.env;
  let asked = 0;
  const service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      asked++;
      return new Response();
    },
  });
  const address = `127.0.0.1:${service.port}`;
  const addresses = {
    KAFKA_BROKERS: address,
    CASSANDRA_CONTACT_POINTS: address,
    POSTGRES_URL: `postgres://${address}/x`,
  };
  const tests = Bun.spawn([process.execPath, "test", file], {
    cwd: project,
    env: { ...env, ...addresses },
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = `${await new Response(tests.stdout).text()}${await new Response(tests.stderr).text()}`;
  const exitCode = await tests.exited;
  await service.stop(true);
  return { exitCode, output, asked };
}

test("a service test without a stack of its own fails with one message and connects to nothing", async () => {
  const { exitCode, output, asked } = await bareBunTest("./test/lag.test.ts");
  expect(exitCode).toBe(1);
  expect(output).toContain("test/lag.test.ts needs a stack of its own: run it with `bun run test test/lag.test.ts`");
  expect(output).toContain(" 1 fail");
  expect(output).toContain(" 0 pass");
  expect(asked).toBe(0);
}, 240_000);

test("a unit test runs without a stack", async () => {
  const { exitCode, output } = await bareBunTest("./test/support/names.test.ts");
  expect([exitCode, output]).toEqual([0, expect.stringContaining(" 0 fail")]);
}, 240_000);

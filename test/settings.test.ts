/** The settings in config.yaml and .env apply to programs run in other folders. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { dummyjsonText } from "../sources/samples.ts";
import { project } from "../stack/instance.ts";
import { type Checkout, openCheckout } from "./support/checkout.ts";

const source = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(dummyjsonText) });
/** The environment of a new shell. */
const { USERS_SOURCE: _, RANDOMUSER_URL: __, CONFIG_FILE: ___, ...env } = process.env;
let checkout: Checkout;

beforeAll(async () => {
  checkout = openCheckout(`USERS_SOURCE=dummyjson\nDUMMYJSON_URL=${source.url.origin}/users\nFETCH_ATTEMPTS=3\n`);
  expect(await Bun.spawn([process.execPath, "tasks/build.ts"], { cwd: project }).exited).toBe(0);
}, 120_000);
afterAll(async () => {
  checkout.close();
  await source.stop(true);
});

test("a task in another folder uses the settings in .env once the shell has the stack's environment", async () => {
  const lines = 'eval "$(bun run --silent env)"; cd /; "$TASKS_BIN/fetch" --users 30 | head -1';
  const { stdout, stderr } = await checkout.run(lines, env);
  expect(JSON.parse(stdout || stderr)).toMatchObject({ source: "dummyjson", record: { firstName: "Emily" } });
});

test("the stack's environment has the settings in .env, the addresses and the path of config.yaml", async () => {
  const { stdout } = await checkout.run("bun run --silent env", env);
  for (const line of [
    "export USERS_SOURCE=dummyjson",
    `export DUMMYJSON_URL=${source.url.origin}/users`,
    "export FETCH_ATTEMPTS=3",
    `export CONFIG_FILE=${join(project, "config.yaml")}`,
    `export API_URL=${process.env.API_URL}`,
  ])
    expect(stdout.split("\n")).toContain(line);
});

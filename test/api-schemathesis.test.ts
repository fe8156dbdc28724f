import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../runtime/until.ts";
import { install } from "../stack/install/install.ts";
import { startApi } from "./support/api.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { namesOf } from "./support/names.ts";

const token = crypto.randomUUID();
const { env, config } = namesOf(import.meta.path, { API_TOKEN: token });
afterAll(() => dropKeyspace(config));

/** About half a minute on an idle machine; a busy one needs more. */
const withinMs = 300_000;

test(
  "no request from schemathesis causes a server error or a response that the OpenAPI document does not describe",
  async () => {
    const { tool } = await install();
    const api = await startApi(env);
    const folder = mkdtempSync(join(tmpdir(), "schemathesis-")); // it writes a cache to its working directory
    try {
      await until("the API is ready", async () => (await fetch(`${api.url}/readyz`)).ok);
      const run = Bun.spawn(
        [
          tool("schemathesis"),
          `--config-file=${join(import.meta.dir, "schemathesis.toml")}`,
          "run",
          `${api.url}/openapi.json`,
          "--max-examples=10",
          "--workers=2",
          "--continue-on-failure",
          "--generation-deterministic",
          "--warnings=off",
          `--header=Authorization: Bearer ${token}`,
        ],
        { cwd: folder, env: { ...env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "inherit"] },
      );
      const report = await new Response(run.stdout).text();
      if ((await run.exited) !== 0) throw new Error(report);
      expect(report).toMatch(/Operations: +11 selected \/ 11 total/);
      const cases = Number(/(\d+) generated/.exec(report)?.[1]);
      expect(cases).toBeGreaterThan(200);
      expect(await api.output()).not.toContain("request failed");
    } finally {
      api.signal("SIGKILL");
      await api.exited;
      rmSync(folder, { recursive: true });
    }
  },
  withinMs,
);

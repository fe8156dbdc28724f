import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openClients } from "../operations/doctor/clients.ts";
import { writesCheck } from "../operations/doctor/writes.ts";
import { openFlow } from "../operations/flow/flow.ts";
import type { FlowReport } from "../operations/flow/report.ts";
import { until } from "../runtime/until.ts";
import { startApi } from "./support/api.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { openDoctor } from "./support/doctor.ts";
import { startProgram } from "./support/program.ts";

const { closing, lines, namesWith } = openDoctor(import.meta.path);

test("an API that refuses writes although Kafka is there", async () => {
  const names = namesWith({ KAFKA_BROKERS: "127.0.0.1:1" });
  const api = await startApi(names.env);
  closing.push(
    () => dropKeyspace(names.config),
    async () => api.signal("SIGKILL"),
  );
  await until("it is ready", async () => (await fetch(`${api.url}/readyz`)).ok);
  const [line, ...more] = await lines([writesCheck], namesWith({ API_URL: api.url }));
  expect(more).toEqual([]);
  expect(line).toStartWith("error the API: it refuses writes: Kafka or the Schema Registry is unavailable");
  expect(line).toEndWith("its KAFKA_BROKERS may be another. See its log: `bun run logs api`.");
  expect(await lines([writesCheck], names)).toEqual([]); // the stack's
});

test("an API whose reads need a token is asked with one from the settings", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "api-tokens-")), "tokens");
  writeFileSync(file, "operator:a-token-of-the-operator\nrachel:a-token-of-rachel-alone\n", { mode: 0o600 });
  const tokens = { API_TOKENS_FILE: file };
  const names = namesWith({ ...tokens, API_PROTECT: "all", API_LOG: "false" });
  const api = await startApi(names.env);
  closing.push(
    () => dropKeyspace(names.config),
    async () => api.signal("SIGKILL"),
    async () => rmSync(dirname(file), { recursive: true }),
  );
  await until("it is ready", async () => (await fetch(`${api.url}/readyz`)).ok);
  const statusWith = async (authorization?: string) =>
    (await fetch(`${api.url}/metrics`, { ...(authorization !== undefined && { headers: { authorization } }) })).status;
  expect(await statusWith()).toBe(401);
  expect(await statusWith("Bearer a-token-of-rachel-alone")).toBe(200);
  expect(await statusWith("Bearer operator:a-token-of-the-operator")).toBe(401);

  async function lookWith(env: Record<string, string>) {
    const { config, env: own } = namesWith({ API_URL: api.url, ...env });
    const clients = openClients({ config, env: own, postgresUrl: config.postgres.url, isNative: true });
    const flow = openFlow({ ...clients, sourceUrl: "http://127.0.0.1:1", isEmbedded: false });
    const look = await flow.look();
    await Promise.race([Promise.all([flow.close(), clients.close()]), Bun.sleep(500)]);
    return look;
  }
  expect((await lookWith(tokens)).api?.requests).toBeGreaterThanOrEqual(0);
  expect((await lookWith({})).silent.get("the API")).toContain("/metrics needs a token: set API_TOKEN");
  expect(await lines([writesCheck], namesWith({ API_URL: api.url }))).toEqual([]);

  const command = startProgram("operate/main.ts", ["flow", "--json"], { ...names.env, API_URL: api.url });
  expect([0, 1]).toContain(await command.exited);
  const report: FlowReport = JSON.parse((await command.output()).trim().split("\n").at(-1)!);
  expect(report.hops.find(({ name }) => name === "api")).toMatchObject({ state: "good" });
});

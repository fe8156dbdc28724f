import { expect, test } from "bun:test";
import { openClients } from "../operations/doctor/clients.ts";
import { writesCheck } from "../operations/doctor/writes.ts";
import { openFlow } from "../operations/flow/flow.ts";
import { until } from "../runtime/until.ts";
import { startApi } from "./support/api.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { openDoctor } from "./support/doctor.ts";

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
  expect(line).toEndWith("see `bun run logs api`: its KAFKA_BROKERS may be another.");
  expect(await lines([writesCheck], names)).toEqual([]); // the stack's
});

test("an API whose reads need a token is asked with one from the settings", async () => {
  const tokens = { API_TOKENS: "operator:a-token-of-the-operator" };
  const names = namesWith({ ...tokens, API_PROTECT: "all", API_LOG: "false" });
  const api = await startApi(names.env);
  closing.push(
    () => dropKeyspace(names.config),
    async () => api.signal("SIGKILL"),
  );
  await until("it is ready", async () => (await fetch(`${api.url}/readyz`)).ok);
  expect((await fetch(`${api.url}/metrics`)).status).toBe(401);

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
});

import { expect, test } from "bun:test";
import { resolveSettings } from "../../runtime/config.ts";
import type { ProbeClients } from "./probes.ts";
import { reachOf } from "./reach.ts";

test("a service that hangs has not answered in time, each time, regardless of the error of the client that is aborted", async () => {
  const hangs = new Promise<never>(() => {});
  const server = Bun.serve({ port: 0, fetch: () => hangs });
  const url = `http://127.0.0.1:${server.port}`;
  const clients = {
    config: resolveSettings({}, "", {}, "config.yaml"),
    web: { registry: url, connect: url, airflow: url, consumer: url, api: url },
    sql: () => hangs,
    cassandra: { execute: () => hangs },
    admin: () => hangs,
  } as unknown as ProbeClients;
  const failures = new Set<string | undefined>();
  for (let look = 0; look < 20; look++) for (const { failure } of await reachOf(clients, 50)) failures.add(failure);
  await server.stop(true);
  expect([...failures]).toEqual(["no answer within 0.05 s"]);
});

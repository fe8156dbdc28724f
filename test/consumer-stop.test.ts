import { expect, test } from "bun:test";
import { table } from "../contract/entity.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace, withCassandra } from "./support/cassandra.ts";
import { openLink } from "./support/link.ts";
import { namesOf } from "./support/names.ts";

test("a consumer that fails while finishing its slice after SIGTERM exits with code 1 and logs the reason", async () => {
  const names = namesOf(import.meta.path);
  const [host, port] = names.config.cassandra.contactPoints[0]!.split(":") as [string, string | undefined];
  const recorder = await openRecorder(names);
  const link = await openLink(host, Number(port ?? 9042));
  const consumer = startConsumer({
    ...names,
    env: { ...names.env, CASSANDRA_CONTACT_POINTS: `127.0.0.1:${link.port}` },
  });
  await until("it is ready", async () => (await consumer.status("/readyz")) === 200);
  await withCassandra(names.config, async (client) => {
    await client.execute(`ALTER TABLE ${names.keyspace}.${table} DROP picture`, [], { prepare: false });
  });

  link.hold();
  await recorder.sendUsers(10);
  await until("it has a slice to write", async () => (await consumer.output()).includes('msg="schema known"'));
  consumer.signal("SIGTERM");
  await until("it is stopping", async () => (await consumer.output()).includes("msg=stopping"));
  link.release();

  expect(await consumer.exited).toBe(1);
  expect(await consumer.output()).toContain("created_users does not match the contract");
  await recorder.close();
  await dropKeyspace(names.config);
});

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import avro from "avsc";
import { table, valueSubject } from "../contract/entity.ts";
import { validUsers } from "../contract/samples.ts";
import { createCql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { encode } from "../contract/wire.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { type StartedConsumer, startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows, readWriteTimes, withCassandra } from "./support/cassandra.ts";
import { freePort } from "./support/free-port.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { expectNothingLost } from "./support/ledger.ts";
import { type Names, namesOf } from "./support/names.ts";

const used: Names[] = [];
const namesFor = (what: string, env: Record<string, string> = {}) => {
  const names = namesOf(`consumer-${what}`, env);
  used.push(names);
  return names;
};
const [rachel, adryn] = validUsers as [User, User, ...User[]];

const lagIsZero = ({ config, groupId, topic }: Names) =>
  until("the lag is 0", async () => (await lagOf(config, groupId, topic)) === 0);

/** Runs a consumer until the lag is 0, then stops it. */
async function drain(names: Names) {
  await stopAtTheEnd(names, startConsumer(names));
}

async function stopAtTheEnd(names: Names, consumer: StartedConsumer) {
  await lagIsZero(names);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
}

/** If a test fails, the keyspaces are kept for inspection. */
let passed = 0;
afterAll(async () => {
  if (passed === used.length) for (const { config } of used) await dropKeyspace(config);
});

test("two consumers share the partitions, and one that is stopped in the middle of a batch hands its partitions over", async () => {
  const names = namesFor("shared", { CONSUMER_SLICE_ROWS: "50" });
  const recorder = await openRecorder(names);
  const consumers = [startConsumer(names), startConsumer(names)] as const;
  for (const consumer of consumers)
    await until("it is a member of the group", async () => (await consumer.status("/readyz")) === 200);
  const stored = () =>
    Promise.all(consumers.map(({ metric }) => metric("consumer_records_total", { outcome: "stored" })));
  const flow = recorder.flow(10_000, 2_000);
  await until("both store records", async () => (await stored()).every((count) => count > 0), { everyMs: 10 });

  const asked = performance.now();
  consumers[0].signal("SIGTERM");
  expect(await consumers[0].exited).toBe(0);
  expect(performance.now() - asked).toBeLessThan(10_000);
  await flow;
  await lagIsZero(names);
  await expectNothingLost(names.config, recorder.acknowledged);
  await until("its metric says so", async () => (await consumers[1].metric("consumer_lag_records")) === 0);
  expect(await consumers[1].metric("consumer_produced_to_stored_seconds_count")).toBeGreaterThan(0);
  await recorder.close();
  passed++;
});

test("while its group's coordinator is loading, a consumer tries to join again and does not end", async () => {
  const names = namesFor("loading");
  const recorder = await openRecorder(names);
  await recorder.sendUsers(10);
  const preload = join(import.meta.dir, "support", "loading-coordinator.ts");
  const consumer = startConsumer({ env: { ...names.env, BUN_OPTIONS: `--preload ${preload}` } });
  expect(await Promise.race([lagIsZero(names), consumer.exited])).toBe(true);
  expect(await consumer.output()).toContain("The coordinator is loading");
  await stopAtTheEnd(names, consumer);
  await expectNothingLost(names.config, recorder.acknowledged);
  await recorder.close();
  passed++;
});

test("a consumer starts while the first of the brokers is down", async () => {
  const names = namesFor("down");
  const recorder = await openRecorder(names);
  await recorder.sendUsers(10);
  const brokers = [`127.0.0.1:${freePort()}`, ...names.config.kafka.brokers];
  await stopAtTheEnd(names, startConsumer({ env: { ...names.env, KAFKA_BROKERS: brokers.join(",") } }));
  await expectNothingLost(names.config, recorder.acknowledged);
  await recorder.close();
  passed++;
});

test("reading the topic again changes no row and no write time, and an older record never replaces a newer one", async () => {
  const names = namesFor("again");
  const recorder = await openRecorder(names);
  const send = (user: User) =>
    recorder.sendRecords([{ key: user.id, value: encode(user, recorder.schemaId), user: null }]);
  await recorder.sendUsers(500);
  await send({ ...rachel, first_name: "Ann", timestamp: "2026-01-15T06:00:02.000Z" });
  await send({ ...rachel, first_name: "Bea", timestamp: "2026-01-15T06:00:01.000Z" });
  await send({ ...adryn, first_name: "Cid", phone: "1", timestamp: "2026-01-15T06:00:00.000Z" });
  await send({ ...adryn, first_name: "Dan", phone: null, timestamp: "2026-01-15T06:00:00.000Z" });
  await drain(names);
  const rows = await readRows(names.config);
  const times = await readWriteTimes(names.config);
  expect(rows.get(rachel.id)?.first_name).toBe("Ann");
  expect(times.get(rachel.id)?.first_name).toBe("1768456802000000");
  // Of two records with the same time the later one in the log wins, including its nulls.
  expect(rows.get(adryn.id)).toMatchObject({ first_name: "Dan", phone: null });

  // Another group starts at offset 0.
  const env = { ...names.env, CONSUMER_GROUP_ID: `${names.groupId}.again` };
  await drain({ ...names, env, groupId: env.CONSUMER_GROUP_ID });
  expect(await readRows(names.config)).toEqual(rows);
  expect(await readWriteTimes(names.config)).toEqual(times);
  await recorder.close();
  passed++;
});

test("a record with an older schema is read, and one refused by Cassandra is dead-lettered", async () => {
  const names = namesFor("refused");
  const { config } = names;
  const { keyspace, localDataCenter } = config.cassandra;
  const consumer = startConsumer(names);
  await until("it is ready", async () => (await consumer.status("/readyz")) === 200);
  // At its start, the consumer would refuse such a table.
  const ascii = createCql(keyspace, localDataCenter, 1).map((statement) =>
    statement.replace("last_name text", "last_name ascii"),
  );
  await withCassandra(config, async (client) => {
    for (const statement of [`DROP TABLE ${keyspace}.${table}`, ...ascii])
      await client.execute(statement, [], { prepare: false });
  });
  const recorder = await openRecorder(names);
  const good = Array.from({ length: 100 }, newUser).map((user) => ({ ...user, last_name: "Kelley" }));
  const refused = { ...rachel, id: crypto.randomUUID(), last_name: "Müller" };
  await recorder.sendRecords(
    [...good, refused].map((user) => ({ key: user.id, value: encode(user, recorder.schemaId), user })),
  );

  // A record from an earlier version of the contract: no gender, no picture, and a field dropped since.
  const { gender: _, picture: __, ...others } = rachel;
  const earlier = { ...others, id: crypto.randomUUID(), nickname: "Rae" };
  const millis = { type: "long", logicalType: "timestamp-millis" } as const;
  const schema = {
    type: "record",
    name: "User",
    namespace: "user_automation",
    fields: Object.entries(earlier).map(([name, value]) => ({
      name,
      type: Number.isNaN(Date.parse(String(value))) || name === "post_code" ? "string" : millis,
    })),
  } as const;
  const schemaId = await openRegistry(config.schemaRegistry).register(valueSubject(`${names.topic}.v0`), schema);
  const body = avro.Type.forSchema(schema as unknown as avro.Schema).toBuffer({
    ...earlier,
    dob: Date.parse(earlier.dob!),
    registered_date: Date.parse(earlier.registered_date!),
    timestamp: Date.parse(earlier.timestamp),
  });
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(schemaId, 1);
  const { nickname: ___, ...known } = earlier;
  await recorder.sendRecords([
    { key: earlier.id, value: Buffer.concat([frame, body]), user: { ...known, gender: null, picture: null } as User },
    { key: "largest", value: Buffer.alloc(1_000_000), user: null },
  ]);

  await stopAtTheEnd(names, consumer);
  const letters = await readTopic(config, names.deadLetterTopic);
  // kafkajs sends a request to several partitions again if one of them failed, so the topic may hold a record twice.
  const reasons = new Map([
    [refused.id, "refused"],
    ["largest", "too_large"],
  ]);
  const records = (await readTopic(config, names.topic)).filter(({ key }) => reasons.has(key ?? ""));
  expect(new Set(records.map(({ key }) => key))).toEqual(new Set(reasons.keys()));
  expect(letters.map(({ key, headers }) => [key, headers["__connect.errors.exception.class.name"]]).sort()).toEqual(
    records.map(({ key }) => [key, reasons.get(key ?? "")]).sort(),
  );
  expect(letters.find(({ key }) => key === refused.id)?.value).toEqual(encode(refused, recorder.schemaId));
  await expectNothingLost(config, recorder.acknowledged);
  await recorder.close();
  passed++;
});

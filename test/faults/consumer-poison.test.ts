import { expect, test } from "bun:test";
import { changeable, validUsers } from "../../contract/samples.ts";
import type { Reason } from "../../contract/topics.ts";
import type { User } from "../../contract/user.ts";
import { encode } from "../../contract/wire.ts";
import { until } from "../../runtime/until.ts";
import { dropKeyspace, readRows } from "../support/cassandra.ts";
import { lagOf, readTopic } from "../support/kafka.ts";
import { expectNothingLost } from "../support/ledger.ts";
import { namesOf } from "../support/names.ts";
import { startConsumer } from "./consumer.ts";
import { newUser, openRecorder } from "./records.ts";

const names = namesOf(import.meta.path);
const [rachel] = validUsers as [User, ...User[]];
const anHourAhead = () => new Date(Date.now() + 3_600_000).toISOString();

/** Values that cannot be stored, with the expected reason in their dead letters. */
const poisons = (schemaId: number): [Reason, () => Buffer | null][] => [
  ["no_value", () => null],
  ["no_magic_byte", () => Buffer.from(JSON.stringify(rachel))],
  ["no_magic_byte", () => Buffer.from([0, 0, 1])],
  ["unknown_schema", () => encode(rachel, 4_294_967_295)],
  ["unknown_schema", () => encode(rachel, 987_654)],
  ["undecodable", () => encode(rachel, schemaId).subarray(0, 100)],
  ["too_large", () => Buffer.alloc(100_000)],
  ["invalid_user", () => encode({ ...rachel, [changeable.text]: "" }, schemaId)],
  ["invalid_user", () => encode({ ...rachel, id: "42" }, schemaId)],
  ["timestamp_ahead", () => encode({ ...rachel, timestamp: anHourAhead() }, schemaId)],
];

test("1,000 poison records among 10,000 good ones are dead-lettered with their reasons and bytes, the rest stored", async () => {
  const recorder = await openRecorder(names);
  const kinds = poisons(recorder.schemaId);
  const sent = new Map<string, { reason: Reason; value: Buffer | null }>();
  for (let round = 0; round < 100; round++) {
    const good = Array.from({ length: 100 }, newUser).map((user) => ({
      key: user.id,
      value: encode(user, recorder.schemaId),
      user,
    }));
    const bad = kinds.map(([reason, poisonValue], kind) => {
      const poison = { key: `poison-${round}-${kind}`, value: poisonValue(), user: null };
      sent.set(poison.key, { reason, value: poison.value });
      return poison;
    });
    // Each poison record is between good records.
    await recorder.sendRecords(good.flatMap((record, index) => [record, ...(index % 10 ? [] : [bad[index / 10]!])]));
  }

  const consumer = startConsumer(names);
  await until("the lag is 0", async () => (await lagOf(names.config, names.groupId, names.topic)) === 0);
  await expectNothingLost(names.config, recorder.acknowledged);

  const letters = await readTopic(names.config, names.deadLetterTopic);
  expect(letters.length).toBe(1_000);
  expect((await readRows(names.config)).size).toBe(10_000);
  const original = await readTopic(names.config, names.topic);
  const placeOf = new Map(original.map(({ key, partition, offset }) => [key, { partition, offset }]));
  for (const { key, value, headers } of letters) {
    const { reason, value: bytes } = sent.get(key ?? "")!;
    const { partition, offset } = placeOf.get(key)!;
    expect(headers).toMatchObject({
      "__connect.errors.topic": names.topic,
      "__connect.errors.partition": String(partition),
      "__connect.errors.offset": String(offset),
      "__connect.errors.exception.class.name": reason,
    });
    const detail = headers["__connect.errors.exception.message"];
    expect(detail?.length).toBeGreaterThan(10);
    expect(detail).not.toContain(rachel[changeable.text]);
    expect(value === null ? null : Buffer.compare(value, bytes!)).toBe(bytes === null ? null : 0);
  }

  expect(await consumer.metric("consumer_records_total", { outcome: "stored" })).toBe(10_000);
  expect(await consumer.metric("consumer_records_total", { outcome: "dead_lettered" })).toBe(1_000);
  expect(await consumer.metric("consumer_dead_letters_total", { reason: "invalid_user" })).toBe(200);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  await recorder.close();
  await dropKeyspace(names.config);
});

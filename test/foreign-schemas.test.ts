import { expect, test } from "bun:test";
import avro from "avsc";
import { validUsers } from "../contract/samples.ts";
import { fields as contract, type User } from "../contract/user.ts";
import { avroSchema, encode } from "../contract/wire.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { expectNothingLost } from "./support/ledger.ts";
import { namesOf } from "./support/names.ts";

const names = namesOf(import.meta.path, { KAFKA_PARTITIONS: "1" });
const { config, topic } = names;
const [rachel] = validUsers as [User, ...User[]];
const withId = (): User => ({ ...rachel, id: crypto.randomUUID() });
/** An array that declares 9·10¹⁵ items and has none. */
const endless = Buffer.from([0x80, 0x80, 0x90, 0xee, 0xcf, 0xc4, 0xfc, 0x1f, 0]);

interface Reference {
  name: string;
  subject: string;
  version: number;
}

async function register(subject: string, schema: object, references: Reference[] = []): Promise<number> {
  const response = await fetch(`${config.schemaRegistry.url}/subjects/${subject}/versions`, {
    method: "POST",
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
    body: JSON.stringify({ schema: JSON.stringify(schema), schemaType: "AVRO", references }),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: number }).id;
}

function frame(schemaId: number, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(schemaId, 1);
  return Buffer.concat([header, body]);
}

test("schemas of other writers: unions and references are read, and unbounded work is dead-lettered", async () => {
  const recorder = await openRecorder(names);
  const [nullable, referring, unbounded] = [withId(), withId(), withId()];
  const bodyOf = (user: User) => encode(user, 0).subarray(5);

  // In this schema every field may be null.
  const fields = avroSchema.fields.map(({ name, type }) => ({
    name,
    type: Array.isArray(type) ? type : ["null", type],
  }));
  const union = { ...avroSchema, fields };
  const unionType = avro.Type.forSchema(union as unknown as avro.Schema, { wrapUnions: false });
  const times = contract.filter(({ kind }) => kind === "timestamp").map(({ name }) => name);
  const millis = (time: string | null) => time && Date.parse(time);
  const unionBody = unionType.toBuffer({
    ...nullable,
    ...Object.fromEntries(times.map((name) => [name, millis(nullable[name] as string | null)])),
  });

  const place = { type: "record", name: "Place", namespace: "geo", fields: [{ name: "city", type: "string" }] };
  const trip = { type: "record", name: "Trip", namespace: "geo", fields: [{ name: "to", type: "geo.Place" }] };
  await register(`${topic}-place`, place);
  await register(`${topic}-trip`, trip, [{ name: "geo.Place", subject: `${topic}-place`, version: 1 }]);
  const more = (type: unknown) => ({ ...avroSchema, fields: [...avroSchema.fields, { name: "a", type, default: [] }] });
  const trips = await register(`${topic}-trips`, more({ type: "array", items: "geo.Trip" }), [
    { name: "geo.Trip", subject: `${topic}-trip`, version: 1 },
  ]);
  const nulls = await register(`${topic}-nulls`, more({ type: "array", items: "null" }));
  const oneTrip = Buffer.concat([Buffer.from([2, 8]), Buffer.from("Cork"), Buffer.from([0])]);
  await recorder.sendRecords([
    { key: unbounded.id, value: frame(nulls, Buffer.concat([bodyOf(unbounded), endless])), user: null },
    { key: nullable.id, value: frame(await register(`${topic}-union`, union), unionBody), user: nullable },
    { key: referring.id, value: frame(trips, Buffer.concat([bodyOf(referring), oneTrip])), user: referring },
  ]);
  await recorder.sendUsers(10);

  const consumer = startConsumer(names);
  await until("the lag is 0", async () => (await lagOf(config, names.groupId, topic)) === 0);
  expect(await consumer.status("/healthz")).toBe(200);
  await expectNothingLost(config, recorder.acknowledged);
  const letters = await readTopic(config, names.deadLetterTopic);
  expect(letters.map(({ key, headers }) => [key, headers["__connect.errors.exception.class.name"]])).toEqual([
    [unbounded.id, "undecodable"],
  ]);
  expect(letters[0]?.headers["__connect.errors.exception.message"]).toContain("an array of items that take no bytes");
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  await recorder.close();
  await dropKeyspace(config);
});

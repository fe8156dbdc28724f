import { expect, test } from "bun:test";
import type { Consumer } from "kafkajs";
import { settledTopicOf } from "../contract/entity.ts";
import { deadLetterHeaders } from "../contract/topics.ts";
import { consumerCheck } from "../operations/doctor/consumer.ts";
import { deadLettersCheck } from "../operations/doctor/dead-letters.ts";
import { createTopics } from "../runtime/kafka/topics.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { openDoctor } from "./support/doctor.ts";
import { openLink } from "./support/link.ts";
import type { Names } from "./support/names.ts";

const { closing, kafkaOf, lines, linkTo, namesWith, openAdmin } = openDoctor(import.meta.path);

const away = { CONSUMER_URL: "http://127.0.0.1:1" };
const join = async (names: Names, eachMessage: () => Promise<void>): Promise<Consumer> => {
  const consumer = kafkaOf(names).consumer({ groupId: names.groupId });
  await consumer.connect();
  closing.push(() => consumer.disconnect());
  await consumer.subscribe({ topics: [names.topic], fromBeginning: true });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.run({ eachMessage });
  await joined.promise;
  return consumer;
};

test("nobody in the group, records that were deleted unread, and a log that ends before the group's place", async () => {
  const names = namesWith({ ...away, KAFKA_PARTITIONS: "2" });
  const { topic, groupId } = names;
  const recorder = await openRecorder(names);
  closing.push(recorder.close);
  await recorder.sendUsers(40);
  expect(await lines([consumerCheck], names)).toEqual([
    `error the consumer: nobody is in the group ${groupId}, and nothing answers at http://127.0.0.1:1/; records to read: 40. ` +
      "Start it: `bun run up`. See its log: `bun run logs consumer`.",
  ]);

  const admin = await openAdmin(names);
  await admin.setOffsets({
    groupId,
    topic,
    partitions: [
      { partition: 0, offset: "2" },
      { partition: 1, offset: "4711" },
    ],
  });
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "5" }] });
  const [deleted, again, nobody] = await lines([consumerCheck], names);
  expect(deleted).toBe(
    `error topic ${topic}: partition 0: records 2 to 4 were deleted before the consumer had read them. ` +
      "See what is missing in Cassandra: `bun run reconcile`.",
  );
  expect(again).toStartWith(
    `error topic ${topic}: partition 1: the consumer has read up to offset 4711, and the log ends at`,
  );
  expect(nobody).toContain("nobody is in the group");
});

test("a group that does not move; not one that is idle, has just been joined, or reads", async () => {
  const names = namesWith({ ...away, CONSUMER_STALLED_AFTER_MS: "1", KAFKA_PARTITIONS: "2" });
  const recorder = await openRecorder(names);
  closing.push(recorder.close);
  let gate = Promise.resolve();
  await join(names, () => gate);
  expect(await lines([consumerCheck], names)).toEqual([]); // idle
  await recorder.sendUsers(40);
  const reading = recorder.flow(400, 100);
  expect(await lines([consumerCheck], names)).toEqual([]);
  await reading;

  const open = Promise.withResolvers<void>();
  gate = open.promise;
  closing.push(async () => open.resolve());
  await recorder.sendUsers(40);
  const [stuck, ...more] = await lines([consumerCheck], names);
  expect(more).toEqual([]);
  expect(stuck).toMatch(
    /^error the consumer: the group \S+ does not move: it is at offset \d+ of \d+ in \S+, partition \d \(and 1 more like it\)\. See its log: `bun run logs consumer`\.$/,
  );
});

test("dead letters that are open, by reason, until they are settled", async () => {
  const names = namesWith();
  const { deadLetterTopic } = names;
  await createTopics(await openAdmin(names), names.config);
  expect(await lines([deadLettersCheck], names)).toEqual([]);
  const producer = kafkaOf(names).producer();
  await producer.connect();
  closing.push(() => producer.disconnect());
  const letter = (reason: string) => ({ key: null, value: "x", headers: { [deadLetterHeaders.reason]: reason } });
  const messages = ["invalid_user", "undecodable", "invalid_user"].map(letter);
  await producer.send({ topic: deadLetterTopic, messages });
  const [line, ...more] = await lines([deadLettersCheck], names);
  expect(more).toEqual([]);
  expect(line).toMatch(
    /^warning dead letters: open in \S+: 2 invalid_user, 1 undecodable; the newest of 20\S+Z\. See them, then replay or dismiss them: `bun run dead-letters list`\.$/,
  );
  const settlement = { action: "dismissed", at: new Date().toISOString(), by: "test", because: "a test" };
  const settle = (offset: number) => ({
    key: `letter/0/${offset}`,
    value: JSON.stringify({ ...settlement, letter: `0:${offset}` }),
  });
  await producer.send({ topic: settledTopicOf(deadLetterTopic), messages: [0, 1, 2].map(settle) });
  expect(await lines([deadLettersCheck], names)).toEqual([]);
});

test("what the consumer itself says is a finding, with its remedy", async () => {
  const names = namesWith({ CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: "1", KAFKA_PARTITIONS: "2" });
  const recorder = await openRecorder(names);
  closing.push(recorder.close, () => dropKeyspace(names.config));
  const consumer = startConsumer(names);
  closing.push(async () => consumer.signal("SIGKILL"));
  await until("it is ready", async () => (await consumer.status("/readyz")) === 200);
  const [, url = ""] = /msg=listening url=(\S+)\//.exec(await consumer.output()) ?? [];
  const asked = { ...names, env: { ...names.env, CONSUMER_URL: url } };
  expect(await lines([consumerCheck], asked)).toEqual([]);
  const other = namesWith({ ...asked.env, CONSUMER_GROUP_ID: `${names.groupId}.other` });
  expect(await lines([consumerCheck], other)).toEqual([
    `error the consumer: nobody is in the group ${names.groupId}.other: the one at ${url}/ is in another; records to read: 0. ` +
      "Set CONSUMER_GROUP_ID to the consumer's own, or restart it with this one.",
  ]);

  const bad = Array.from({ length: 40 }, (_, index) => ({ key: `${index}`, value: Buffer.from("x"), user: null }));
  await recorder.sendRecords(bad);
  await until("both partitions have stopped", async () => (await consumer.readiness()).split("too many").length === 3);
  const [line, ...more] = await lines([consumerCheck], asked);
  expect(more).toEqual([]);
  expect(line).toMatch(
    /^error the consumer: topic \S+, partition \d: too many dead letters, more than 1 in a row .*: no_magic_byte \(and 1 more like it\)\. Fix what writes these records or what reads them, or raise that limit, and restart the consumer\.$/,
  );
  const link = await linkTo(url, (bytes) => Buffer.from(bytes.toString("latin1").replace(/ 503 /, " 421 "), "latin1"));
  const [odd] = await lines([consumerCheck], { ...names, env: { ...names.env, CONSUMER_URL: `http://${link}` } });
  expect(odd).toContain("/readyz answers 421");
  const { hostname, port } = new URL(url);
  const hung = await openLink(hostname, Number(port));
  closing.push(hung.cut);
  hung.hold();
  const silent = { ...names, env: { ...names.env, CONSUMER_URL: `http://rachel:secret@127.0.0.1:${hung.port}` } };
  expect(await lines([consumerCheck], silent)).toEqual([
    `error the consumer: http://127.0.0.1:${hung.port}/readyz accepts connections and does not answer within 4 s. See its log: \`bun run logs consumer\`.`,
  ]);
});

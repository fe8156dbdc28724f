import { expect, test } from "bun:test";
import { createTopics } from "../runtime/kafka/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { expectNothingLost } from "./support/ledger.ts";
import { namesOf } from "./support/names.ts";

const bad = (key: string) => ({ key, value: Buffer.from("no user"), user: null });

test("writes to a deleted dead-letter topic are retried, counted and logged, heartbeats continue, and nothing is lost", async () => {
  const names = namesOf(import.meta.path);
  const { config, groupId, topic, deadLetterTopic } = names;
  const recorder = await openRecorder(names);
  const admin = openKafka(config, "test", openLog("test", "error")).admin();
  await admin.connect();
  const consumer = startConsumer(names);
  await until("it is ready", async () => (await consumer.status("/readyz")) === 200);
  await admin.deleteTopics({ topics: [deadLetterTopic] });
  await recorder.sendUsers(100);
  await recorder.sendRecords([bad("poison-1"), bad("poison-2")]);

  const retries = () => consumer.metric("consumer_retries_total", { what: "dead_letter" });
  await until("it retries", async () => (await retries()) >= 5);
  expect(await consumer.status("/readyz")).toBe(200); // it is still a member
  expect(await consumer.output()).toContain(`what="write to ${deadLetterTopic}"`);
  await createTopics(admin, config);
  await until("the lag is 0", async () => (await lagOf(config, groupId, topic)) === 0);
  expect((await readTopic(config, deadLetterTopic)).map(({ key }) => key).sort()).toEqual(["poison-1", "poison-2"]);
  await expectNothingLost(config, recorder.acknowledged);

  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  await Promise.all([admin.disconnect(), recorder.close()]);
  await dropKeyspace(config);
});

test("too many dead letters in a row stop their partition only, and a higher limit lets it continue", async () => {
  const names = namesOf(import.meta.path, { CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: "20" });
  const { config, groupId, topic, deadLetterTopic } = names;
  const recorder = await openRecorder(names);
  await recorder.sendUsers(200);
  await recorder.sendRecords(Array.from({ length: 15 }, () => bad("one partition")));
  const first = startConsumer(names);
  const lag = () => lagOf(config, groupId, topic);
  await until("a few are dead-lettered", async () => (await lag()) === 0);
  await recorder.sendRecords(Array.from({ length: 6 }, () => bad("one partition")));
  await recorder.sendUsers(200);

  const [, partition] =
    (await until("its partition stops", async () =>
      /^not ready: topic \S+, partition (\d): too many dead letters, more than 20 in a row/m.exec(
        await first.readiness(),
      ),
    )) ?? [];
  const others = Array.from({ length: config.kafka.partitions }, (_, each) => String(each)).filter(
    (each) => each !== partition,
  );
  const lagOfOthers = () =>
    Promise.all(others.map((each) => first.metric("consumer_lag_records", { topic, partition: each })));
  await until("the others continue", async () => Bun.deepEquals(await lagOfOthers(), [0, 0, 0]));
  await recorder.sendUsers(200);
  await until("they still do", async () => Bun.deepEquals(await lagOfOthers(), [0, 0, 0]));
  expect(await lag()).toBeGreaterThanOrEqual(6);
  expect((await readTopic(config, deadLetterTopic)).length).toBe(15);
  expect(await first.output()).toMatch(/level=error .*msg="too many dead letters"/);
  first.signal("SIGTERM");
  expect(await first.exited).toBe(0);

  const second = startConsumer({ ...names, env: { ...names.env, CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: "1000" } });
  await until("the lag is 0", async () => (await lag()) === 0);
  expect((await readTopic(config, deadLetterTopic)).length).toBe(21);
  await expectNothingLost(config, recorder.acknowledged);
  second.signal("SIGTERM");
  expect(await second.exited).toBe(0);
  await recorder.close();
  await dropKeyspace(config);
});

// Runs in turn: it uses the stack's Spark cluster.
import { expect, test } from "bun:test";
import { openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows } from "./support/cassandra.ts";
import { readTopic } from "./support/kafka.ts";
import { type Names, namesOf } from "./support/names.ts";
import { committedByJob, startCluster, startJob } from "./support/spark.ts";

const drain = async (names: Names) => {
  const job = startJob(names, "--available-now", "--max-records", "10");
  return { exitCode: await job.exited, output: await job.output() };
};

test("too many dead letters in a row stop the job before it commits their offsets, and a higher limit lets it continue", async () => {
  await startCluster();
  const names = namesOf(import.meta.path, { CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: "15", KAFKA_PARTITIONS: "1" });
  const recorder = await openRecorder(names);
  await recorder.sendUsers(10);
  await recorder.sendRecords(
    Array.from({ length: 20 }, () => ({ key: "bad", value: Buffer.from("no user"), user: null })),
  );
  const letters = async () => (await readTopic(names.config, names.deadLetterTopic)).length;

  const stopped = await drain(names);
  expect(stopped.exitCode).toBe(2);
  expect(stopped.output).toContain(`topic ${names.topic}, partition 0: too many dead letters, more than 15 in a row`);
  expect(await committedByJob(names)).toBe(20); // the batches of the users and of the first ten
  expect(await letters()).toBe(10);

  const passed = await drain({ ...names, env: { ...names.env, CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: "1000" } });
  expect(passed.exitCode).toBe(0);
  expect(await letters()).toBe(20);
  expect((await readRows(names.config)).size).toBe(10);
  await recorder.close();
  await dropKeyspace(names.config);
});

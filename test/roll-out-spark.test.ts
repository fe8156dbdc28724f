// Runs in turn: it uses the stack's Spark cluster.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { table } from "../contract/entity.ts";
import type { User } from "../contract/user.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { dropKeyspace, readRows, withCassandra } from "./support/cassandra.ts";
import { envelope, row } from "./support/change-events.ts";
import { readTopic } from "./support/kafka.ts";
import { type Names, namesOf } from "./support/names.ts";
import { openNewerContract } from "./support/newer-contract.ts";
import { startProgram } from "./support/program.ts";
import type { ProjectCopy } from "./support/project-copy.ts";
import { committedByJob, startCluster, startJob } from "./support/spark.ts";

let newer: ProjectCopy;
beforeAll(async () => {
  newer = await openNewerContract();
});
afterAll(() => newer.close());

/** Publishes an insert as Debezium does. */
async function sendChange({ config }: Names, user: User & { nationality: string }) {
  const producer = openKafka(config, "test-changes", openLog("test-changes", "error")).producer();
  await producer.connect();
  const value = JSON.stringify(envelope({ op: "c", after: row(user), micros: Date.now() * 1_000 }));
  await producer.send({ topic: config.kafka.changeTopic, messages: [{ key: null, value }] });
  await producer.disconnect();
}

test("an old job ends at a record of a newer contract, and the new one continues from its checkpoint and loses no field", async () => {
  await startCluster();
  const names = namesOf(import.meta.path, { KAFKA_PARTITIONS: "1" });
  const path = (name: string) => join(names.env.STACK_DIR!, "logs", "tests", `${names.keyspace}-${name}.jsonl`);
  const recorder = await openRecorder(names);
  const run = async (folder?: string, ...args: string[]) => {
    const job = startJob({ ...names, folder }, "--available-now", ...args);
    return { exitCode: await job.exited, output: await job.output() };
  };
  await recorder.sendUsers(30);
  expect((await run()).exitCode).toBe(0);
  expect(await committedByJob(names)).toBe(30);

  await sendChange(names, { ...newUser(), nationality: "XX" });
  const endedByChange = await run(undefined, "--cdc");
  expect(endedByChange.exitCode).toBe(2);
  expect(endedByChange.output).toContain("changes have values in columns that this job does not know: nationality");

  for (const stage of [
    ["fetch", "--users", "40", "--seed", names.keyspace, "--output", path("raw")],
    ["format", "--input", path("raw"), "--output", path("users")],
    ["produce", "--input", path("users"), "--output", path("produced")],
  ])
    expect(await startProgram("tasks/main.ts", stage, names.env, newer.folder).exited).toBe(0);
  const ended = await run();
  expect(ended.exitCode).toBe(2);
  expect(ended.output).toContain(
    "is of a newer contract, whose fields this job does not know: nationality; update the job",
  );
  expect([await committedByJob(names), (await readRows(names.config)).size]).toEqual([30, 30]);

  // Without manageSchema the new job names what it needs; with it, it adds the column itself.
  const env = { ...names.env, MANAGE_SCHEMA: "false" };
  const unfit = startJob({ ...names, env, folder: newer.folder }, "--available-now");
  expect(await unfit.exited).toBe(2);
  expect(await unfit.output()).toContain("columns are missing: nationality; run `bun run migrate`");
  expect((await run(newer.folder, "--cdc")).exitCode).toBe(0);
  const stored = await withCassandra(names.config, async (client) =>
    (await client.execute(`SELECT nationality FROM ${names.keyspace}.${table}`)).rows.filter(
      ({ nationality }) => nationality !== null,
    ),
  );
  expect([(await readRows(names.config)).size, stored.length]).toEqual([71, 41]);
  expect(await readTopic(names.config, names.deadLetterTopic)).toEqual([]);
  await recorder.close();
  await dropKeyspace(names.config);
}, 900_000);

// Runs in turn: it uses the stack's Spark cluster.
import { expect, setDefaultTimeout, test } from "bun:test";
import { avroSchema, encode } from "../../contract/wire.ts";
import { openRegistry } from "../../runtime/registry.ts";
import { dropKeyspace, readRows } from "../support/cassandra.ts";
import { readTopic } from "../support/kafka.ts";
import { namesOf } from "../support/names.ts";
import { startCluster, startJob } from "../support/spark.ts";
import { newUser, openRecorder } from "./records.ts";

setDefaultTimeout(900_000);

test("a heartbeat of an executor at the end of a task disturbs neither the task nor what is observed", async () => {
  // By default every ten seconds: in a short job none would meet the end of a task.
  const often = ["spark.executor.heartbeatInterval=10ms", "spark.executor.heartbeat.maxFailures=100000"];
  const names = namesOf(import.meta.path, {
    KAFKA_PARTITIONS: "32",
    CONSUMER_MAX_DEAD_LETTER_SHARE: "1",
    SPARK_SUBMIT_OPTIONS: often.map((setting) => `--conf ${setting}`).join(" "),
  });
  const { config, topic, deadLetterTopic } = names;
  const recorder = await openRecorder(names);
  await recorder.sendUsers(150);
  // Schemas that the job does not know when it comes to them.
  const another = await openRegistry(config.schemaRegistry).register(`${topic}-again`, {
    ...avroSchema,
    doc: "Again.",
  });
  const nobodys = 2 ** 30;
  await recorder.sendRecords(
    [another, nobodys].map((id) => {
      const user = newUser();
      return { key: user.id, value: encode(user, id), user: id === another ? user : null };
    }),
  );
  await recorder.close();

  await startCluster();
  const job = startJob(names, "--available-now", "--max-records", "100");
  const code = await job.exited;
  expect([code, await job.output()]).toEqual([0, expect.not.stringMatching(/Lost task|ClassCastException/)]);
  const rows = await readRows(config);
  const expected = [...recorder.acknowledged].filter(([, user]) => user !== null);
  expect(expected.filter(([id, user]) => !Bun.deepEquals(rows.get(id), user))).toEqual([]);
  expect(rows.size).toBe(expected.length);
  const letters = await readTopic(config, deadLetterTopic);
  expect(letters.map(({ headers }) => headers["__connect.errors.exception.class.name"])).toEqual(["unknown_schema"]);
  await dropKeyspace(config);
});

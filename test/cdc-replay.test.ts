import { expect, test } from "bun:test";
import { changeable } from "../contract/samples.ts";
import { columnArrays, upsertSql } from "../contract/tables.ts";
import { encode } from "../contract/wire.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { startApi } from "./support/api.ts";
import { openCapture } from "./support/capture.ts";
import { readRows } from "./support/cassandra.ts";
import { lagOf } from "./support/kafka.ts";

const { text, optional } = changeable;

test("edits and deletes made through the API and in PostgreSQL survive a replay of both topics from offset 0", async () => {
  const capture = await openCapture(import.meta.path);
  const { sql, config, changeTopic, topic } = capture;
  const recorder = await openRecorder(capture);
  const api = await startApi(capture.env);
  const isCaughtUp = (groupId: string) =>
    until("both topics are read", async () => {
      const lags = await Promise.all([topic, changeTopic].map((name) => lagOf(config, groupId, name)));
      return lags.every((lag) => lag === 0);
    });

  // As in the pipeline: each user goes to PostgreSQL and, with the same timestamp, to Kafka.
  const users = Array.from({ length: 100 }, newUser);
  const [edited, deleted, editedInBoth, deletedInPostgres] = users as [
    (typeof users)[0],
    (typeof users)[0],
    (typeof users)[0],
    (typeof users)[0],
  ];
  await capture.connector.register();
  await sql.unsafe(upsertSql, columnArrays(users) as never);
  await recorder.sendRecords(users.map((user) => ({ key: user.id, value: encode(user, recorder.schemaId), user })));
  const first = startConsumer(capture);
  await capture.agree();

  const put = async (id: string, changes: object) => {
    const init = { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(changes) };
    expect((await fetch(`${api.url}/update-user/${id}`, init)).status).toBe(200);
  };
  await until("the API is ready", async () => (await fetch(`${api.url}/readyz`)).ok);
  await put(edited.id, { [text]: "Through the API" });
  await put(editedInBoth.id, { [text]: "Through the API", [optional]: "1" });
  expect((await fetch(`${api.url}/delete-user/${deleted.id}`, { method: "DELETE" })).status).toBe(204);
  await sql`UPDATE created_users SET ${sql(text)} = 'In PostgreSQL' WHERE id = ${editedInBoth.id}`;
  await sql`DELETE FROM created_users WHERE id = ${deletedInPostgres.id}`;

  const expectEdits = async () => {
    const rows = await readRows(config);
    expect(rows.get(edited.id)).toMatchObject({ [text]: "Through the API" });
    // The later edit wins as a whole row. The one made through the API is lost because PostgreSQL never had it.
    expect(rows.get(editedInBoth.id)).toMatchObject({ [text]: "In PostgreSQL", [optional]: editedInBoth[optional] });
    expect([rows.has(deleted.id), rows.has(deletedInPostgres.id), rows.size]).toEqual([false, false, 98]);
    return rows;
  };
  await until("the delete has arrived", async () => !(await readRows(config)).has(deletedInPostgres.id));
  await isCaughtUp(capture.groupId);
  const before = await expectEdits();
  first.signal("SIGTERM");
  expect(await first.exited).toBe(0);

  const groupId = `${capture.groupId}.replay`;
  const replay = startConsumer({ ...capture, env: { ...capture.env, CONSUMER_GROUP_ID: groupId } });
  await until(
    "the replay has started",
    async () => (await replay.metric("consumer_records_total", { outcome: "stored" })) > 0,
  );
  await isCaughtUp(groupId);
  expect(await expectEdits()).toEqual(before);

  replay.signal("SIGTERM");
  api.signal("SIGTERM");
  await Promise.all([replay.exited, api.exited, recorder.close()]);
  await capture.close();
});

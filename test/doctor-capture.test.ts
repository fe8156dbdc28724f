import { expect, test } from "bun:test";
import { publication, table } from "../contract/entity.ts";
import { captureChecksOf } from "../operations/doctor/capture.ts";
import type { Check, Finding } from "../operations/doctor/finding.ts";
import { until } from "../runtime/until.ts";
import { openCapture } from "./support/capture.ts";
import { openDoctor } from "./support/doctor.ts";
import { openLink } from "./support/link.ts";

const { closing, lines, namesWith } = openDoctor(import.meta.path);

test("change capture: connector, task, slot, publication, replica identity and triggers", async () => {
  const capture = await openCapture(import.meta.path);
  const { connector, superuser, sql, slot } = capture;
  const checks = captureChecksOf({ connector: slot, slot });
  const own = { ...capture, ...namesWith({ ...capture.env, POSTGRES_URL: capture.url }) };
  const off = namesWith({ ...capture.env, POSTGRES_URL: capture.url, CDC_APPLY: "false" });
  const look = () => lines(checks, own);
  expect(await look()).toEqual([
    `error connector ${slot}: is not registered, so changes in PostgreSQL do not reach Cassandra. ` +
      `Register it: \`curl -X POST -H 'Content-Type: application/json' ${own.env.CONNECT_URL}/connectors/ -d @postgres-connector.json\`.`,
  ]);
  expect(await lines(checks, off)).toEqual([]);

  await connector.register();
  await until("it runs", async () => (await look()).length === 0);
  const { hostname, port } = new URL(own.env.CONNECT_URL ?? "");
  const hung = await openLink(hostname, Number(port));
  closing.push(hung.cut);
  hung.hold();
  expect(await lines(checks, { ...own, env: { ...own.env, CONNECT_URL: `http://127.0.0.1:${hung.port}` } })).toEqual([
    expect.stringMatching(/^error Kafka Connect: could not look at the connector: /), // and nothing of PostgreSQL
  ]);

  // Debezium connects again after ten seconds.
  await superuser`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = ${slot}`;
  const unread = [expect.stringContaining("nobody reads it although the connector's task runs")];
  await until("nobody reads the slot", async () => expect(await look()).toEqual(unread) === undefined);
  const cause = "no answer within 7.5 s when asked about the brokers";
  const explained: Finding = { severity: "error", about: "Kafka", cause, cure: "See", explains: ["Kafka Connect"] };
  const brokers: Check = { what: "the brokers", of: ["Kafka"], look: () => [explained] };
  expect(await lines([brokers, ...checks], own)).toEqual([`error Kafka: ${cause}. See.`]);
  await until("it reads again", async () => (await look()).length === 0);

  await sql.unsafe(`ALTER TABLE ${table} REPLICA IDENTITY DEFAULT; DROP TRIGGER ${table}_truncate ON ${table};
    ALTER PUBLICATION ${publication} DROP TABLE ${table}`);
  expect(await look()).toEqual([
    `error change capture in PostgreSQL: without the table ${table} in the publication ${publication}, REPLICA IDENTITY FULL of the table ${table}, ` +
      `the trigger ${table}_truncate, changes are lost or cannot be ordered. Apply contract/generated/change_capture.sql: \`bun run up\`.`,
  ]);
  await sql.unsafe(`DROP PUBLICATION ${publication}`);
  expect((await look())[0]).toContain(`without the publication ${publication}`);

  await connector.put("stop");
  const [stopped] = await look();
  expect(stopped).toStartWith(
    `error connector ${slot}: is stopped: changes in PostgreSQL wait, and its WAL grows. Resume it: `,
  );
  const segments = 33; // of 16 MB: just over half of the limit of 1 GB
  for (let segment = 0; segment < segments; segment++)
    await superuser`SELECT pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()`;
  const retained = (await look()).find((line) => line.includes("replication slot"));
  expect(retained).toMatch(
    new RegExp(
      `^warning replication slot ${slot}: holds back \\d{3} MB of WAL; at 1024 MB PostgreSQL drops it, and changes are lost\\. `,
    ),
  );

  await superuser`SELECT pg_drop_replication_slot(${slot})`;
  await connector.put("resume");
  await until("the task has failed", async () => (await connector.task()).state === "FAILED");
  const [failed] = await look();
  expect(failed).toStartWith(`error connector ${slot}: its task has failed: `);
  expect(failed).toContain("Start over with a new slot and a snapshot: curl -X PUT");
  expect(await lines(checks, off)).toEqual([]);
  await capture.close();
});

/** The console's part of reconcile, in a real browser on the real services. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { table, timeField } from "../contract/entity.ts";
import { changeable } from "../contract/samples.ts";
import { columnArrays, createSql, upsertSql } from "../contract/tables.ts";
import { encode } from "../contract/wire.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { openBrowser } from "./support/browser.ts";
import { dropKeyspace, readRows, withCassandra } from "./support/cassandra.ts";
import { type StartedConsole, startConsole } from "./support/console.ts";
import { lagOf } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";

const names = namesOf(import.meta.path);
const { config, keyspace, groupId, topic } = names;
const url = `${config.postgres.url}?search_path=${keyspace}`;
/** The console keeps its last report in the folder of the stack; there are no runs. */
const folder = mkdtempSync(join(tmpdir(), "console-reconcile-"));
const env = { ...names.env, POSTGRES_URL: url, STACK_DIR: folder, RUNS_DIR: folder };
const sql = openPostgres(url, 1);
const { text } = changeable;
let [served, browser]: [StartedConsole, Browser] = [] as never;

beforeAll(async () => {
  await sql.unsafe(`CREATE SCHEMA ${keyspace}`);
  await sql.unsafe(createSql);
  [served, browser] = await Promise.all([startConsole(env), openBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await served?.close();
  await sql.unsafe(`DROP SCHEMA IF EXISTS ${keyspace} CASCADE`);
  await Promise.all([sql.end(), dropKeyspace(config)]);
  rmSync(folder, { recursive: true });
});

/** Keeps comparisons that begin meanwhile from coming to their end: they wait for the table of users. */
const whileLocked = (look: () => Promise<void>) =>
  sql.begin(async (transaction) => {
    await transaction.unsafe(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    await look();
  });

test("a deleted row is found by the button, repaired by its own, and equal then; a run in progress can be stopped", async () => {
  const recorder = await openRecorder(names);
  startConsumer(names);
  const users = Array.from({ length: 30 }, newUser);
  const [lost, changed] = users as [(typeof users)[0], (typeof users)[0]];
  await sql.unsafe(upsertSql, columnArrays(users) as never);
  await recorder.sendRecords(users.map((user) => ({ key: user.id, value: encode(user, recorder.schemaId), user })));
  await recorder.close();
  await until("every record is applied", async () => (await lagOf(config, groupId, topic)) === 0);
  await until("the rows are there", async () => (await readRows(config)).size === users.length);
  await withCassandra(config, async (client) => {
    await client.execute(`DELETE FROM ${keyspace}.${table} WHERE id = ?`, [lost.id], { prepare: true });
    const update = `UPDATE ${keyspace}.${table} USING TIMESTAMP ? SET ${text} = ? WHERE id = ?`;
    await client.execute(update, [Date.now() * 1_000, "Зорян", changed.id], { prepare: true });
  });

  const page = await (await browser.newContext({ locale: "en" })).newPage();
  const problems: string[] = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.setDefaultTimeout(60_000);
  // Until the next page is there, since a click on the page before would get lost.
  async function press(name: string) {
    const loaded = page.waitForEvent("load");
    await page.getByRole("button", { name }).click();
    await loaded;
  }
  await page.goto(`${served.url}/reconcile`);
  await page.getByLabel("Since").fill("3d");
  await whileLocked(async () => {
    await page.getByRole("button", { name: "Compare" }).click();
    await press("Stop");
    await page.getByText("The last one did not come to its end").waitFor();
  });

  await whileLocked(async () => {
    await press("Compare");
    await page.getByText(/Comparing all users/).waitFor();
  });
  await page.getByText("something is wrong with 2").waitFor();
  expect(await page.locator("tr", { hasText: "as the newest write says" }).textContent()).toContain("28");
  const finding = page.locator("section").filter({ hasText: lost.id });
  expect(await finding.textContent()).toContain("lost");
  expect(await finding.textContent()).toContain("the group has read the record, but Cassandra has no row");
  expect(await finding.textContent()).toContain("its record is sent again, at its own write time");
  const other = page.locator("section").filter({ hasText: changed.id });
  expect(await other.locator("tr", { hasText: text }).textContent()).toBe(`${text}${changed[text]}Зорян`);
  expect(await other.textContent()).toContain("a newer row is not overwritten");

  await finding.getByRole("button", { name: "Repair" }).click();
  await finding.getByText("repaired:").waitFor();
  expect(await finding.textContent()).toContain("a new edit was made of it"); // the deletion is newer than the record
  expect((await readRows(config)).get(lost.id)).toEqual({ ...lost, [timeField]: expect.any(String) });
  expect((await readRows(config)).get(changed.id)?.[text]).toBe("Зорян");
  await press("Compare");
  await page.getByText("something is wrong with 1").waitFor();
  expect(await page.locator("tr", { hasText: "as the newest write says" }).textContent()).toContain("29");
  expect(problems).toEqual([]);

  await served.close();
  served = await startConsole(env);
  await page.goto(`${served.url}/reconcile`);
  await page.getByText("something is wrong with 1").waitFor(); // a restart keeps the last report
});

/** The console's runs, "Where is …?" and list of users, in a real browser on the real services. */
// Runs in turn: it triggers the DAG and uses the stack's own topics and tables.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { plural, searchFields, singular } from "../contract/entity.ts";
import { columnArrays, createSql, upsertSql } from "../contract/tables.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { encode } from "../contract/wire.ts";
import { type Airflow, openAirflow } from "../operations/airflow.ts";
import { folderOf } from "../operations/reconcile/run-files.ts";
import { messageOf } from "../runtime/lifecycle.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { loadConfig } from "../sources/config.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder } from "./faults/records.ts";
import { openBrowser, openPage } from "./support/browser.ts";
import { dropKeyspace, readRows } from "./support/cassandra.ts";
import { type StartedConsole, startConsole } from "./support/console.ts";
import { namesOf } from "./support/names.ts";
import { runFolder, usersOf } from "./support/runs.ts";

let [served, browser, airflow]: [StartedConsole, Browser, Airflow] = [] as never;
const problems: string[] = [];

beforeAll(async () => {
  [served, browser, airflow] = await Promise.all([startConsole(), openBrowser(), openAirflow()]);
});

afterAll(async () => {
  await browser?.close();
  await served?.close();
});

/** A test on a page of its own. If it fails, what the page shows is printed. */
function pageTest(name: string, body: (page: Page) => Promise<void>) {
  test(name, async () => {
    const page = await open();
    try {
      await body(page);
    } catch (error) {
      const shown = await page.locator("body").ariaSnapshot({ timeout: 30_000 }).catch(messageOf);
      console.error(`${page.url()} shows:\n${shown}`);
      throw error;
    } finally {
      await page.context().close();
    }
  });
}

async function open(): Promise<Page> {
  const page = await openPage(browser, { locale: "en-GB" });
  // What Airflow refuses is answered with 400, which the browser reports as an error.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("400")) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  return page;
}

/** The numbers of a run's page by their names. */
async function figuresOf(page: Page): Promise<Record<string, string>> {
  const [names, values] = await Promise.all(
    ["dt", "dd"].map((tag) => page.locator(`.figures ${tag}`).allTextContents()),
  );
  return Object.fromEntries(names!.map((name, index) => [name, values![index]!]));
}

pageTest(
  "a run is triggered by the page's button, waits until the DAG is unpaused there, and its users arrive in the table",
  async (page) => {
    await airflow.pause();
    await page.goto(`${served.url}/runs`);
    await page.getByText("is paused: no run starts").waitFor();
    const [count, nationalities] = ["users", "nationalities"].map((name) => page.getByLabel(name, { exact: true }));
    const trigger = page.getByRole("button", { name: "Trigger" });

    await count!.fill("9999");
    await trigger.click();
    await page.getByText("9999 is greater than the maximum of 5000").waitFor();
    expect(await count!.getAttribute("aria-invalid")).toBe("true");
    expect(await count!.inputValue()).toBe("9999");
    await count!.fill("3");
    await nationalities!.fill("xx");
    await trigger.click();
    await page.getByText("'xx' is not one of").waitFor();

    await nationalities!.fill("ua, fr");
    await trigger.click();
    await page.waitForURL(/\/runs\/manual__/);
    const runId = decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1)!);
    expect((await airflow.run(runId)).conf).toEqual({ users: 3, nationalities: ["ua", "fr"] });
    await page.getByText("The run has written no file yet").waitFor();
    await page.getByRole("button", { name: "Unpause" }).click();
    await page.waitForURL(`${served.url}/runs`);
    expect(await airflow.isPaused()).toBe(false);

    await page.locator(`a[title="${runId}"]`).click();
    await page.waitForURL(/\/runs\/manual__/);
    await page.evaluate("isSamePage = true");
    await page.getByText("All that were produced are in Cassandra").waitFor({ timeout: 240_000 });
    await page.getByRole("row", { name: /^produce .*success/ }).waitFor();
    expect(await page.evaluate("isSamePage")).toBe(true);
    expect(await figuresOf(page)).toEqual({
      ...{ formatted: "3", rejected: "0", "in PostgreSQL": "3" },
      ...{ produced: "3", "in Cassandra": "3", "dead letters": "0" },
    });
    const users = usersOf(join(await runFolder(airflow, runId), "users.jsonl"));
    const rows = await readRows(loadConfig());
    expect([...users.keys()].every((id) => rows.has(id))).toBe(true);
    const [user] = users.values() as Iterable<User>;

    await page.getByRole("link", { name: "Log of produce" }).click();
    await page.getByText("Command exited with return code 0").waitFor();
    await page.goBack();

    await page.locator(`a[href="/where?${singular}=${user!.id}"]`).click();
    await page.getByRole("heading", { name: user!.id }).waitFor();
    for (const stage of ["fetch", "format", "backup", "sent", "produce"])
      await page.locator(".timeline strong").getByText(stage, { exact: true }).waitFor();
    // With a connector, PostgreSQL's change is an entry with a record, too; which of them is the first varies.
    const sent = page.locator(".timeline li", { has: page.locator("strong").getByText("sent", { exact: true }) });
    expect(await sent.locator(".place").textContent()).toMatch(new RegExp(`^${loadConfig().kafka.topic} \\d+/\\d+$`));
    await sent.locator("summary").click();
    const [decoded, bytes] = await sent.locator("details[open] pre").allTextContents();
    expect(JSON.parse(decoded!)).toMatchObject(user!);
    expect(bytes).toMatch(/^00 00 00 00 [0-9a-f]{2} /);
    await page.getByRole("link", { name: "users.jsonl:1" }).click();
    await page.waitForURL(new RegExp(`/runs/${encodeURIComponent(runId).replaceAll(/[.+]/g, "\\$&")}$`));

    await page.goto(`${served.url}/${plural}`);
    await page.getByText(/^\d[\d,]* \w+ in Cassandra/).waitFor();
    // By each field, then by all of them at once.
    const search = async (wanted: Partial<Record<string, string>>) => {
      for (const [index, name] of searchFields.entries())
        await page
          .getByRole("searchbox")
          .nth(index)
          .fill(wanted[name] ?? "");
      await page.getByRole("button", { name: "Search" }).click();
      await page.waitForURL((at) => searchFields.every((name) => at.searchParams.get(name) === (wanted[name] ?? "")));
    };
    const texts = Object.fromEntries(searchFields.map((name) => [name, String(user![name]).toUpperCase()]));
    for (const wanted of [...searchFields.map((name) => ({ [name]: texts[name] })), texts]) {
      await search(wanted);
      await page.locator(`a[href="/where?${singular}=${user!.id}"]`).waitFor();
    }
    await search({ ...texts, [searchFields.at(-1)!]: "Nobody" });
    await page.getByText(/^No \w+ has .*“Nobody” as its .+ Case does not matter/).waitFor();
    await page.goto(`${served.url}/${plural}?cursor=AAAA`);
    await page.getByText("This page is not there any more").waitFor();
    await page.goto(`${served.url}/where?${singular}=nobody@example.com`);
    await page.getByText(`No ${singular} has “nobody@example.com”`).waitFor();
    expect(problems).toEqual([]);
  },
);

pageTest(
  "a run's page adds up: stored, dead-lettered, on the way, deleted and rejected, while Airflow does not know the run",
  async (page) => {
    const runs = mkdtempSync(join(tmpdir(), "console-runs-"));
    const names = namesOf(import.meta.path, { RUNS_DIR: runs, CONSUMER_MAX_DEAD_LETTER_SHARE: "1" });
    const { config, keyspace, deadLetterTopic } = names;
    const url = `${config.postgres.url}?search_path=${keyspace}`;
    const env = { ...names.env, POSTGRES_URL: url };
    const sql = openPostgres(url, 1);
    const own = await startConsole(env);
    const recorder = await openRecorder(names);
    const consumer = startConsumer({ env });
    try {
      const [stored, dead, late, deleted] = [newUser(), newUser(), newUser(), newUser()];
      const runId = "manual__2026-10-28T03:12:00.123456+00:00";
      const folder = join(runs, folderOf(runId));
      mkdirSync(folder);
      const write = (file: string, lines: object[]) =>
        writeFileSync(join(folder, file), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      write("users.jsonl", [stored, dead, late, deleted]);
      write("users.rejects.jsonl", [
        { reason: "email: Invalid email address", line: 5, original: { email: "rachel" } },
      ]);
      write("backed-up.jsonl", [stored, dead, late]);
      write("produced.jsonl", [stored, dead, late]);
      await sql.unsafe(`CREATE SCHEMA ${keyspace}`);
      await sql.unsafe(createSql);
      await sql.unsafe(upsertSql, columnArrays([stored, dead, late]));
      const send = (user: User) =>
        recorder.sendRecords([{ key: keyOf(user), value: encode(user, recorder.schemaId), user: null }]);
      await send(stored);
      await send({ ...dead, timestamp: "2096-01-01T00:00:00.000Z" });

      await page.goto(`${own.url}/runs/${encodeURIComponent(runId)}`);
      await page.getByText("there is no such run").waitFor();
      await page.getByText("1 not in Cassandra and no dead letters").waitFor();
      const figures = { formatted: "4", rejected: "1", "in PostgreSQL": "3", produced: "3", "dead letters": "1" };
      expect(await figuresOf(page)).toEqual({ ...figures, "in Cassandra": "1" });
      const places = await page.locator("table.lines tbody td:last-child").allTextContents();
      expect(places).toEqual([
        "Cassandra",
        "dead letter: timestamp_ahead",
        "Kafka",
        "not passed on: deleted in PostgreSQL, or rejected by backup",
      ]);
      await page.getByRole("row", { name: "format email: Invalid email address" }).getByText("JSON").click();

      await send(late);
      await page.getByText("Produced = in Cassandra + dead letters: 3 = 2 + 1").waitFor();
      expect(JSON.parse((await page.locator("details[open] pre").textContent())!)).toEqual({ email: "rachel" });
      await page.getByRole("link", { name: "Only those not in Cassandra" }).click();
      await page.locator("strong").getByText("Not in Cassandra", { exact: true }).waitFor();
      expect(await page.locator("table.lines tbody tr").count()).toBe(2);
      await page.getByRole("link", { name: "dead letter", exact: true }).click();
      await page.getByRole("heading", { name: /^Dead letter 0:0/ }).waitFor();

      await page.goto(`${own.url}/where?${singular}=${dead.id}`);
      await page
        .locator(".timeline .wrong")
        .getByRole("link", { name: `${deadLetterTopic} 0/0` })
        .waitFor();
      await page.getByText("was not applied: it is a dead letter").waitFor();
      expect(problems.filter((text) => !text.includes("404"))).toEqual([]);
    } finally {
      consumer.signal("SIGTERM");
      await Promise.allSettled([consumer.exited, own.close(), recorder.close()]);
      await sql.unsafe(`DROP SCHEMA IF EXISTS ${keyspace} CASCADE`);
      await sql.end();
      await dropKeyspace(config);
      rmSync(runs, { recursive: true });
    }
  },
);

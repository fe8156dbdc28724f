/** The console's overview, in a real browser on the real services, while records flow, a service stops and it restarts. */
// Runs alone: it stops Cassandra.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { HopName } from "../operations/flow/hops.ts";
import { until } from "../runtime/until.ts";
import { loadConfig } from "../sources/config.ts";
import { openRecorder } from "./faults/records.ts";
import { openBrowser, openPage } from "./support/browser.ts";
import { type StartedConsole, startConsole } from "./support/console.ts";
import { controlStack } from "./support/stack.ts";

const folder = mkdtempSync(join(tmpdir(), "console-flow-"));
const config = loadConfig();
const problems: string[] = [];
let served: StartedConsole;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [served, browser] = await Promise.all([startConsole({ CONSOLE_FOLDER: folder }), openBrowser()]);
  page = await openPage(browser, {
    locale: "en-GB",
    timezoneId: "Asia/Tokyo",
    viewport: { width: 1440, height: 900 },
  });
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(served.url);
  await hop("created").waitFor();
});

afterAll(async () => {
  await browser?.close();
  await served?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A hop in the picture, and its line in the table that says the same. */
const hop = (name: HopName) => page.locator(`svg.flow [data-hop="${name}"]`);
const line = (name: HopName) => page.locator(`.flow-table [data-hop="${name}"]`);
const countOf = async (name: HopName) =>
  Number(await line(name).locator("[data-count]").first().getAttribute("data-count"));

test("counts and rates move while records do, without a reload", async () => {
  const recorder = await openRecorder({ config });
  await until("there is a count", async () => (await countOf("consumer")) >= 0);
  const [written, read] = [await countOf("created"), await countOf("consumer")];
  await page.evaluate(() => Object.assign(globalThis, { isStill: true }));
  const over = new AbortController();
  const flow = recorder.flow(Number.POSITIVE_INFINITY, 100, over.signal);
  await until("records move", async () => (await page.locator("svg.flow path.moving").count()) > 0);
  await until("there is a rate", async () => /[1-9][\d.]* a second/.test((await line("created").textContent()) ?? ""));
  await until("there are enough for a chart", () => recorder.acknowledged.size >= 200);
  over.abort();
  await flow;
  const sent = recorder.acknowledged.size;
  await until("the topic's count is there", async () => (await countOf("created")) === written + sent);
  await until("the consumer's count is there", async () => (await countOf("consumer")) >= read + sent);
  await until("Cassandra's rows are counted again", async () => (await countOf("cassandra")) >= 200);
  await until("nothing moves any more", async () => (await page.locator("svg.flow path.moving").count()) === 0);
  expect(await line("consumer").textContent()).toContain("nothing unread");
  expect(await page.evaluate(() => "isStill" in globalThis)).toBe(true);
  await recorder.close();
});

test("the charts grow, and their values can be read as text", async () => {
  const rate = page.locator('figure[data-chart="rate"]');
  await rate.locator("canvas").waitFor();
  await rate.locator("summary").click();
  const rows = rate.locator("details tbody tr");
  const shown = await rows.count();
  await until("another sample is there", async () => (await rows.count()) > shown);
  const texts = await rows.allInnerTexts();
  expect(texts[0]).toMatch(/^\d\d:\d\d:\d\d\t/);
  expect(texts.filter((text) => /[1-9]/.test(text.slice(8))).length).toBeGreaterThan(0); // the records sent above
  const readable = await page.locator('figure[data-chart="readable"] .u-legend').textContent();
  expect(readable).toContain("p99 within");
});

test("a service that stops is soon red, with the time since then, and recovers by itself", async () => {
  const stack = await controlStack();
  const cassandra = hop("cassandra");
  const isGood = async (name: HopName) => (await hop(name).getAttribute("class")) === "hop is-good";
  await until("Cassandra is green", () => isGood("cassandra"));
  const beforeMs = Date.now();
  try {
    await stack.stop("cassandra");
    await until("Cassandra is red", async () => (await cassandra.getAttribute("class")) === "hop is-bad", {
      withinMs: 5_000,
    });
    const since = Number(await cassandra.locator('[data-show="for"]').getAttribute("data-at"));
    expect(since).toBeGreaterThan(beforeMs);
    expect(since).toBeLessThan(Date.now());
    expect(await page.locator(".headline").textContent()).toMatch(
      /Cassandra.*: away since \d\d:\d\d:\d\d, for \d+ secs?/,
    );
    expect(await page.locator(".findings").textContent()).toContain("bun run up");
    // What does not need Cassandra goes on.
    await until("the topic is green", () => isGood("created"));
  } finally {
    await stack.start("cassandra");
  }
  await until("Cassandra is green again", () => isGood("cassandra"));
  await until("so is the consumer", () => isGood("consumer"));
});

test("after a restart the console still has the last hour", async () => {
  const samples = async (url: string) =>
    ((await (await fetch(`${url}/last-hour`)).json()) as { samples: number[][] }).samples;
  const before = await samples(served.url);
  expect(before.length).toBeGreaterThan(3);
  expect(problems).toEqual([]);
  await served.close();
  served = await startConsole({ CONSOLE_FOLDER: folder });
  const after = await samples(served.url);
  expect(after.slice(0, before.length)).toEqual(before);
  await page.goto(served.url);
  await page.locator('figure[data-chart="rate"] summary').click();
  const rows = page.locator('figure[data-chart="rate"] details tbody tr');
  await until("the page shows them", async () => (await rows.count()) >= before.length);
});

/** The console's frame, in a real browser on the real services. */
// Runs in turn: it shows the stack's own data.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { openBrowser, openPage } from "./support/browser.ts";
import { type StartedConsole, startConsole } from "./support/console.ts";

let served: StartedConsole;
let browser: Browser;

beforeAll(async () => {
  [served, browser] = await Promise.all([startConsole(), openBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await served?.close();
});

test("a fragment follows the pipeline without a reload, and times are the reader's", async () => {
  const page = await openPage(browser, { locale: "de-DE", timezoneId: "Asia/Tokyo" });
  const problems: string[] = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  const path = `/no-such-page-${crypto.randomUUID()}`;
  await page.goto(`${served.url}/logs?filter=${path}`);
  await page.getByText("No line fits").waitFor();
  await page.evaluate("isSamePage = true");

  const startedMs = Date.now();
  await fetch(`${process.env.AIRFLOW_URL}${path}`); // Airflow logs it
  const line = page.getByRole("log").locator("p", { hasText: path });
  await line.waitFor();
  expect(await page.evaluate("isSamePage")).toBe(true);
  const [datetime, text] = await line
    .locator("time")
    .evaluate((element) => [element.getAttribute("datetime"), element.textContent]);
  const atMs = Date.parse(datetime ?? "");
  expect(Math.abs(atMs - startedMs)).toBeLessThan(120_000);
  const inTokyo = new Date(atMs + 9 * 3_600_000).toISOString().slice(11, 23);
  expect(text).toBe(inTokyo.replace(".", ","));
  expect(problems).toEqual([]);
  await page.context().close();
});

/** The console's frame, in a real browser on the real services. */
// Runs in turn: it shows the stack's own data.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { until } from "../runtime/until.ts";
import { openBrowser } from "./support/browser.ts";
import { type StartedConsole, startConsole } from "./support/console.ts";

let served: StartedConsole;
let browser: Browser;

beforeAll(async () => {
  [served, browser] = await Promise.all([startConsole(), openBrowser()]);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await served?.close();
});

test("a fragment follows the pipeline without a reload, and times are the reader's", async () => {
  const context = await browser.newContext({ locale: "de-DE", timezoneId: "Asia/Tokyo" });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(served.url);
  const time = page.locator("main time").first();
  await time.waitFor();
  const first = await time.getAttribute("datetime");
  await until("the time moves on", async () => (await time.getAttribute("datetime")) !== first);
  expect(await time.textContent()).toMatch(/^\d\d\.\d\d\.\d\d, \d\d:\d\d:\d\d$/);
  expect(problems).toEqual([]);
  await context.close();
});

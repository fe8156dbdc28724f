/**
 * Takes the README's screenshots on the running stack: `bun test/support/screenshots.ts`, with the variables of
 * `bun run --silent env`. It triggers a run for the screenshot.
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type Airflow, openAirflow } from "../../operations/airflow.ts";
import { project } from "../../stack/instance.ts";
import { logIn, openBrowser } from "./browser.ts";

const pictures = join(project, "docs", "images");

/** A successful run: its four tasks with their durations, next to the grid of earlier runs. */
async function takeRun(page: Page, airflow: Airflow) {
  const { dag_run_id } = await airflow.trigger();
  const { state } = await airflow.ended(dag_run_id);
  if (state !== "success") throw new Error(`the run ${dag_run_id} ended as ${state}, so no screenshot was taken`);

  await page.setViewportSize({ width: 1400, height: 800 });
  await page.goto(`${airflow.url}/dags/user_automation/runs/${encodeURIComponent(dag_run_id)}`);
  await logIn(page);
  // The run's badge and those of its four tasks.
  await page.getByTestId("state-badge").filter({ hasText: "Success" }).nth(4).waitFor();
  await page.waitForLoadState("networkidle");
  const clip = { x: 0, y: 0, width: 1400, height: 660 };
  await page.screenshot({ path: join(pictures, "airflow-run.png"), clip });
}

/** The section with the operations on users. */
async function takeDocumentation(page: Page) {
  await page.setViewportSize({ width: 1000, height: 800 });
  await page.goto(`${process.env.API_URL}/apidocs`, { waitUntil: "networkidle" });
  const users = page.locator(".opblock-tag-section").first();
  await users.locator(".opblock").last().waitFor();
  const box = await users.boundingBox();
  if (!box) throw new Error("the operations on users are not on the page");
  const clip = { x: 0, y: 0, width: 1000, height: Math.ceil(box.y + box.height) + 16 };
  await page.screenshot({ path: join(pictures, "apidocs.png"), fullPage: true, clip });
}

/** The console's picture of the flow, after a run whose users it shows. */
async function takeConsole(page: Page) {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(process.env.CONSOLE_URL ?? "");
  await page.locator(".headline .good", { hasText: "Everything works" }).waitFor();
  const picture = await page.locator("svg.flow").boundingBox();
  if (!picture) throw new Error("the flow is not on the page");
  const clip = { x: 0, y: 0, width: 1440, height: Math.ceil(picture.y + picture.height) + 16 };
  await page.screenshot({ path: join(pictures, "console.png"), clip });
}

const airflow = await openAirflow();
await airflow.unpause();
const browser = await openBrowser();
try {
  const page = await browser.newPage({ deviceScaleFactor: 1.5, colorScheme: "light" });
  page.setDefaultTimeout(120_000);
  await takeRun(page, airflow);
  await takeDocumentation(page);
  await takeConsole(page);
} finally {
  await browser.close();
}
console.log(`${pictures}: airflow-run.png, apidocs.png, console.png`);

/**
 * Takes the README's screenshot of Spark's master: `bun test/support/spark-picture.ts`, with the variables of
 * `bun run --silent env`, while a job is running on the stack (`bun run up --spark`, `bun run spark`).
 */
import { join } from "node:path";
import { project } from "../../stack/instance.ts";
import { openBrowser } from "./browser.ts";

const picture = join(project, "docs", "images", "spark-master.png");

const browser = await openBrowser();
try {
  const page = await browser.newPage({ deviceScaleFactor: 1.5, viewport: { width: 1200, height: 700 } });
  page.setDefaultTimeout(120_000);
  await page.goto(process.env.SPARK_UI_URL ?? "");
  await page.locator(".aggregated-workers tbody tr", { hasText: "ALIVE" }).waitFor();
  await page.locator(".aggregated-activeApps tbody tr", { hasText: "RUNNING" }).waitFor();
  await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: 1200, height: 490 } });
} finally {
  await browser.close();
}
console.log(picture);

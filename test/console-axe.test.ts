/** axe-core finds nothing wrong with any page of the console: those in the navigation, and one of each kind that they lead to. */
// Runs in turn: it triggers the DAG.
import { afterAll, beforeAll, expect, test } from "bun:test";
import axe, { type AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { keyOf } from "../contract/topics.ts";
import { encode } from "../contract/wire.ts";
import { openAirflow } from "../operations/airflow.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder, type Recorder } from "./faults/records.ts";
import { openBrowser, openPage } from "./support/browser.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { type StartedConsole, startConsole } from "./support/console.ts";
import { lagOf } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";

const names = namesOf(import.meta.path, { CONSUMER_MAX_DEAD_LETTER_SHARE: "1" });
const { config, groupId, topic } = names;
const airflow = await openAirflow();
let [served, browser, recorder]: [StartedConsole, Browser, Recorder] = [] as never;
let runId = "";

beforeAll(async () => {
  [served, browser, recorder] = await Promise.all([startConsole(names.env), openBrowser(), openRecorder(names)]);
  startConsumer(names);
  const users = [newUser(), { ...newUser(), email: "nobody" }]; // one is stored, one a dead letter
  await recorder.sendRecords(
    users.map((user) => ({ key: keyOf(user), value: encode(user, recorder.schemaId), user: null })),
  );
  runId = (await airflow.trigger()).dag_run_id;
  await until("the lag is 0", async () => (await lagOf(config, groupId, topic)) === 0);
});
afterAll(async () => {
  if (runId) await airflow.mark(runId, "failed");
  await browser?.close();
  await served?.close();
  await recorder?.close();
  await dropKeyspace(config);
});

/** Pages are of one kind if they differ only in what they are about: in a part of the path, or in a parameter's value. */
const kindOf = (path: string) => path.replaceAll(/=[^&]*/g, "").replaceAll(/\/[^/?]*(\d|%)[^/?]*/g, "/…");

/** What axe says is wrong with a page as it is. */
async function faultsOf(page: Page, rules?: string[]): Promise<string[]> {
  await page.evaluate(axe.source);
  const options = rules ? { runOnly: rules } : {};
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, ${JSON.stringify(options)})`);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`));
}

test("no page has a violation, in light and dark", async () => {
  const page = await openPage(browser);
  await page.goto(served.url);
  const linksIn = (region: string) =>
    page
      .locator(`${region} a`)
      .evaluateAll((links) =>
        links.map((link) => link.getAttribute("href") ?? "").filter((href) => /^\/(\w|$)/.test(href)),
      );
  const queue = [...(await linksIn("nav")), "/nowhere"];
  const kinds = new Set(queue.map(kindOf));
  const faults: Record<string, string[]> = {};
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const { status } = await fetch(`${served.url}${path}`, { redirect: "manual" });
    if (status >= 300 && status < 400) continue; // it leads to another program, such as Airflow
    await page.goto(`${served.url}${path}`);
    const fragments = () => page.locator("[data-live]").allTextContents();
    await until(`the fragments of ${path} are there`, async () =>
      (await fragments()).every((text) => !/^([^…]*…)?$/.test(text.trim())),
    );
    faults[path] = await faultsOf(page);
    await page.emulateMedia({ colorScheme: "dark" });
    faults[path]?.push(...(await faultsOf(page, ["color-contrast"])));
    await page.emulateMedia({ colorScheme: "light" });
    for (const link of await linksIn("main")) {
      if (kinds.has(kindOf(link))) continue;
      kinds.add(kindOf(link));
      queue.push(link);
    }
  }
  expect(Object.entries(faults).filter(([, each]) => each.length > 0)).toEqual([]);
  const ofOne = ["/runs/…", "/where?user", "/dead-letters/…", "/logs?program"];
  expect([...kinds]).toEqual(expect.arrayContaining(["/", ...ofOne]));
});

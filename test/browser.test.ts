// Runs in turn: it uses the stack's DAG.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { type Airflow, openAirflow } from "../operations/airflow.ts";
import { logIn, openBrowser, openPage } from "./support/browser.ts";

let browser: Browser;
let airflow: Airflow;
beforeAll(async () => {
  [browser, airflow] = await Promise.all([openBrowser(), openAirflow()]);
});
afterAll(() => browser.close());

/** A page that collects its errors. */
async function open(): Promise<{ page: Page; errors: string[] }> {
  const page = await openPage(browser, { viewport: { width: 1400, height: 900 } });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("requestfailed", (request) => errors.push(`${request.url()}: ${request.failure()?.errorText}`));
  return { page, errors };
}

test("somebody logs in to Airflow, clicks Trigger and sees the run succeed", async () => {
  const { page } = await open();
  await page.goto(`${airflow.url}/dags/user_automation`);
  await logIn(page);
  await page.getByTestId("trigger-dag-button").click();
  await page.getByTestId("trigger-dag-submit").click();

  await page.waitForURL(/\/dags\/user_automation\/runs\/manual/);
  // The first badge is the run's; its tasks' follow.
  await page.getByTestId("state-badge").first().filter({ hasText: "Success" }).waitFor({ timeout: 240_000 });

  const runId = decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1) ?? "");
  const [run] = (await airflow.runs()).filter(({ dag_run_id }) => dag_run_id === runId);
  expect(run).toMatchObject({ run_type: "manual", state: "success" });
  expect(await airflow.countsOf(runId, "produce")).toMatchObject({ read: 60, written: 60 });
  await page.close();
});

test("Swagger UI's Try it out adds the example user unchanged and reads it back", async () => {
  const { page, errors } = await open();
  await page.goto(`${process.env.API_URL}/apidocs`);

  const execute = async (
    operation: string,
    path: string,
    fill: (part: ReturnType<Page["locator"]>) => Promise<void>,
  ) => {
    const part = page.locator(".opblock").filter({ has: page.locator(`[data-path="${path}"]`) });
    await part.locator(".opblock-summary-control").click();
    await fill(part);
    await part.getByRole("button", { name: "Execute" }).click();
    const row = part.locator(".live-responses-table .response");
    await row.waitFor();
    const body = await row
      .locator(".response-col_description pre, .response-col_description .microlight")
      .first()
      .textContent();
    return { operation, status: await row.locator(".response-col_status").textContent(), body };
  };

  const added = await execute("addUser", "/add-user", async () => {});
  expect(added.status?.trim()).toStartWith("201");
  const { id, ...user } = JSON.parse(added.body ?? "");

  const found = await execute("getUser", "/get-user/{id}", async (part) => {
    await part.getByPlaceholder("id").fill(id);
  });
  expect(found.status?.trim()).toStartWith("200");
  expect(JSON.parse(found.body ?? "")).toEqual({ id, ...user });
  expect(errors).toEqual([]);

  const { status } = await fetch(`${process.env.API_URL}/delete-user/${id}`, { method: "DELETE" });
  expect(status).toBe(204);
  await page.close();
});

test("the API's documentation sends no request to another host", async () => {
  const { page, errors } = await open();
  const foreign: string[] = [];
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== process.env.API_URL)
      foreign.push(request.url());
  });
  const response = await page.goto(`${process.env.API_URL}/apidocs`, { waitUntil: "networkidle" });
  expect(response?.status()).toBe(200);
  expect({ foreign, errors }).toEqual({ foreign: [], errors: [] });
  await page.close();
});

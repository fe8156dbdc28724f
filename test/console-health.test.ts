/** The console's page Health, its logs, and the console while services are away, in a real browser on the real services. */
// Runs in turn: it shows the stack's own programs.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { until } from "../runtime/until.ts";
import { openBrowser, openPage } from "./support/browser.ts";
import { startConsole } from "./support/console.ts";
import { type Link, openLink } from "./support/link.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

/** Opens a page of a console; `problems` is what the browser complains about. */
async function open(url: string) {
  const page = await openPage(browser, { locale: "en-GB" });
  const problems: string[] = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(url);
  return { page, problems, close: () => page.context().close() };
}

/** The texts of a table's row, by its heading. */
async function rowOf(page: Page, heading: string): Promise<string[]> {
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: heading, exact: true }) });
  return row.getByRole("cell").allTextContents();
}

test("Health names the stack's programs, each with its state, memory and restarts, and what doctor finds", async () => {
  const served = await startConsole();
  const { page, problems, close } = await open(`${served.url}/health`);
  try {
    const cassandra = () => rowOf(page, "cassandra");
    await until("Cassandra answers", async () => (await cassandra())[1] === "yes");
    const [state, , up, restarts, memory, address] = await cassandra();
    expect([state, address]).toEqual(["running", `localhost:${process.env.CASSANDRA_PORT}`]);
    expect(up).toMatch(/^\d+ (s|min|h \d+ min|d \d+ h)$/);
    expect(restarts).toMatch(/^\d+/);
    expect(Number(/^([\d,]+) MB$/.exec(memory ?? "")?.[1]?.replace(",", ""))).toBeGreaterThan(500);

    await page.getByRole("button", { name: "Look now" }).click();
    await until("doctor has looked", async () =>
      /Looked (now|\d+ sec\. ago|\d+ sec ago)/.test((await page.locator("main").textContent()) ?? ""),
    );
    expect(problems).toEqual([]);
  } finally {
    await close();
    await served.close();
  }
});

test("logs follow what is written, fit their filter, and pause while their reader looks at older lines", async () => {
  const served = await startConsole();
  const mark = `marked ${crypto.randomUUID().slice(0, 8)}`;
  const file = join(process.env.STACK_DIR ?? "", "logs", "console-test.log");
  const write = (text: string, level = "warn") =>
    appendFileSync(file, `time=${new Date().toISOString()} level=${level} logger=console-test msg="${text}"\n`);
  for (let index = 0; index < 200; index++) write(`${mark} line ${index}`);
  const { page, problems, close } = await open(`${served.url}/logs?filter=${encodeURIComponent(mark)}&level=warning`);
  try {
    const log = page.getByRole("log");
    const last = async () => log.locator("p").last().textContent();
    const isAtEnd = () => log.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight < 8);
    await until("the lines are there", async () => (await last())?.includes("line 199") ?? false);
    await until("the newest line is in sight", isAtEnd);
    write(`${mark} not severe enough`, "info");
    write("another text");
    write(`${mark} newest at postgres://users:hidden@127.0.0.1/users`);
    await until("the log follows", async () => (await last())?.includes("newest") ?? false);
    await until("the newest line is in sight", isAtEnd);
    expect(await log.textContent()).not.toMatch(/not severe|another|hidden/);

    await log.focus();
    await page.keyboard.press("Home");
    const state = page.getByText("Paused", { exact: false });
    await state.waitFor();
    write(`${mark} while paused`);
    await page.getByText("Paused; there are newer lines").waitFor();
    expect(await last()).toContain("newest");
    await page.getByRole("button", { name: "Follow" }).click();
    expect(await last()).toContain("while paused");
    expect(await isAtEnd()).toBe(true);
    expect(problems).toEqual([]);
  } finally {
    rmSync(file);
    await close();
    await served.close();
  }
});

test("while services are away the pages answer and say so, and all of them come back by themselves", async () => {
  const env = process.env as Record<string, string>;
  const [links, addresses] = await openLinks(env);
  const cut = async () => void (await Promise.all(links.map((link) => link.cut())));
  const restore = async () => void (await Promise.all(links.map((link) => link.restore())));
  await cut();
  const served = await startConsole(addresses);
  const { page, close } = await open(`${served.url}/health`);
  const rows = page.locator(".services tbody tr");
  const all = (what: RegExp) => async () => {
    const told = await rows.allInnerTexts(); // each the service, whether it answers, and where it was asked
    const areAll = told.every((line) => what.test(line.split("\t")[1]?.trim() ?? ""));
    if (told.length === links.length && areAll) return true;
    throw new Error([`${told.length} of ${links.length} services`, ...told].join("\n"));
  };
  const away = (what: RegExp) => until(`every service is away: ${what}`, all(what));
  const back = () => until("every service answers", all(/^yes$/));
  const paths = await page
    .locator("nav a")
    .evaluateAll((entries) => entries.map((entry) => entry.getAttribute("href")));
  const pagesAnswer = async () => {
    for (const path of [...paths, "/logs"]) {
      const startedMs = performance.now();
      const { status } = await fetch(`${served.url}${path}`);
      expect([path, status, performance.now() - startedMs < 3_000]).toEqual([path, 200, true]);
    }
  };
  try {
    await away(/^no: /);
    await pagesAnswer();
    await restore();
    await back();
    await cut();
    await away(/^no: /);
    await restore();
    await back();
    for (const link of links) link.hold();
    await away(/^no: no answer within 3 s$/);
    await pagesAnswer();
    for (const link of links) link.release();
    await back();
    const log = await served.output();
    expect(log).not.toMatch(/unhandled|level=(error|fatal)/i);
    expect(log.split("\n").length).toBeLessThan(100);
  } finally {
    await close();
    await served.close();
    await cut();
  }
});

/** A link to each service, and the addresses that lead through them. */
async function openLinks(env: Record<string, string>): Promise<[Link[], Record<string, string>]> {
  const through = async (url: string) => {
    const link = await openLink(new URL(url).hostname, Number(new URL(url).port));
    return { link, url: url.replace(`:${new URL(url).port}`, `:${link.port}`) };
  };
  const variables = "POSTGRES_URL SCHEMA_REGISTRY_URL CONNECT_URL AIRFLOW_URL CONSUMER_URL API_URL".split(" ");
  const web = await Promise.all(variables.map(async (name) => ({ name, ...(await through(env[name] ?? "")) })));
  const cassandra = await through(`cql://${env.CASSANDRA_CONTACT_POINTS}`);
  // Kafka tells its clients its own port, which the link replaces by its own.
  const [, kafkaPort] = (env.KAFKA_BROKERS ?? "").split(":").map(Number);
  let ownPort = 0;
  const kafka = await openLink("127.0.0.1", kafkaPort ?? 9092, (bytes) =>
    replacePort(bytes, kafkaPort ?? 9092, ownPort),
  );
  ownPort = kafka.port;
  return [
    [kafka, cassandra.link, ...web.map(({ link }) => link)],
    {
      ...Object.fromEntries(web.map(({ name, url }) => [name, url])),
      KAFKA_BROKERS: `127.0.0.1:${kafka.port}`,
      CONSOLE_URL: "",
      EMBEDDED_SOURCE_URL: "",
      SPARK_URL: "",
      CASSANDRA_CONTACT_POINTS: cassandra.url.replace("cql://", ""),
    },
  ];
}

function replacePort(bytes: Buffer, from: number, to: number): Buffer {
  const address = (port: number) => Buffer.from([...Buffer.from("127.0.0.1"), 0, 0, port >> 8, port & 0xff]);
  const changed = Buffer.from(bytes);
  for (let at = changed.indexOf(address(from)); at >= 0; at = changed.indexOf(address(from), at + 1))
    address(to).copy(changed, at);
  return changed;
}

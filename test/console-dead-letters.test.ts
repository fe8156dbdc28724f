/** The console's part of dead letters, in a real browser on the real services. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Locator, Page } from "playwright-core";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { encode } from "../contract/wire.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder, type Recorder } from "./faults/records.ts";
import { openBrowser, openPage } from "./support/browser.ts";
import { dropKeyspace, readRows } from "./support/cassandra.ts";
import { type StartedConsole, startConsole } from "./support/console.ts";
import { lagOf } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";

const names = namesOf(import.meta.path, { CONSUMER_MAX_DEAD_LETTER_SHARE: "1", CONSUMER_MAX_AHEAD_MS: "1000" });
const { config, topic, groupId, env } = names;
let [recorder, served, browser]: [Recorder, StartedConsole, Browser] = [] as never;
const problems: string[] = [];

beforeAll(async () => {
  recorder = await openRecorder(names);
  startConsumer(names);
  [served, browser] = await Promise.all([startConsole(env), openBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await served?.close();
  await recorder?.close();
  await dropKeyspace(config);
});

async function open(options: { javaScriptEnabled?: boolean } = {}): Promise<Page> {
  const page = await openPage(browser, { locale: "en", ...options });
  // A form that is refused is answered with 422, which the browser reports as an error.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("422")) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  return page;
}
const send = async (...users: User[]) => {
  await recorder.sendRecords(
    users.map((user) => ({ key: keyOf(user), value: encode(user, recorder.schemaId), user: null })),
  );
  await until("the lag is 0", async () => (await lagOf(config, groupId, topic)) === 0);
};
/** Opens a page again until it has something: what takes long to read comes after the page, and not without JavaScript. */
const goUntil = (page: Page, address: string, has: (page: Page) => Locator) =>
  until(`${address} has it`, async () => {
    await page.goto(address);
    return has(page).first().isVisible();
  });
const emailIn = (page: Page) => page.getByLabel("email", { exact: true });
const rowOf = async (user: User) => (await readRows(config)).get(user.id);

test("a poison record is found, repaired as the contract says, replayed and stored; a second operator is told", async () => {
  const poison: User = { ...newUser(), first_name: "Зорян", email: "rachel.kelley" };
  await send(poison);
  const page = await open();
  await page.goto(`${served.url}/dead-letters`);
  await page.getByRole("link", { name: "invalid_user" }).click();
  await page.getByRole("row").filter({ hasText: poison.id }).getByRole("link").first().click();
  await page.waitForURL(/\/dead-letters\/0:\d+$/);
  await goUntil(page, page.url(), emailIn);
  await page.getByRole("heading", { name: /^Dead letter 0:\d+$/ }).waitFor();
  const email = emailIn(page);
  const fault = page.locator("#fault-email");
  expect(await email.inputValue()).toBe("rachel.kelley");
  expect(await email.getAttribute("aria-invalid")).toBe("true");
  expect(await fault.textContent()).toBe("must be an e-mail address");
  expect(await page.locator("#allowed-email").textContent()).toContain("at most 320 characters");

  const second = await open();
  await goUntil(second, page.url(), emailIn);
  await emailIn(second).fill("second@example.com");

  await email.fill("rachel kelley@example.com");
  await page.getByText("It would not be sent: email: must be an e-mail address.").waitFor();
  await email.fill("rachel.kelley@example.com");
  await page.getByText("The consumer would store this record.").waitFor();
  expect(await fault.textContent()).toBe("");
  expect(await email.getAttribute("aria-invalid")).toBeNull();
  await page.getByRole("button", { name: "Replay" }).click();
  await page.getByText("1 letter replayed").waitFor();
  await page.getByText("stored: the consumer has applied the record").waitFor();
  expect(await rowOf(poison)).toEqual({ ...poison, email: "rachel.kelley@example.com" });
  await page.getByRole("link", { name: `Where is ${poison.id}?` }).click();
  await page.getByRole("listitem").filter({ hasText: "replayed to" }).waitFor();
  await page.getByText("every column written").waitFor();

  await second.getByText("stored: the consumer has applied the record").waitFor();
  await second.getByRole("button", { name: "Replay" }).click();
  await second.getByText("Nothing was done: the letter had been settled meanwhile").waitFor();
  expect((await rowOf(poison))?.email).toBe("rachel.kelley@example.com");
});

test("without JavaScript the form says the same when it is sent; forced, the record is followed to its next letter", async () => {
  const poison: User = { ...newUser(), email: "nobody" };
  await send(poison);
  const page = await open({ javaScriptEnabled: false });
  const linkIn = (page: Page) => page.getByRole("row").filter({ hasText: poison.id }).getByRole("link").first();
  await goUntil(page, `${served.url}/dead-letters?reason=invalid_user`, linkIn);
  await linkIn(page).click();
  await page.waitForURL(/\/dead-letters\/0:\d+$/);
  const letter = page.url();
  await goUntil(page, letter, emailIn);
  await page.getByLabel("username", { exact: true }).fill("");
  await page.getByRole("button", { name: "Replay" }).click();
  await page.locator("#fault-username", { hasText: "must contain more than white space" }).waitFor();
  expect(await page.locator("#fault-email").textContent()).toBe("must be an e-mail address");
  expect(await page.getByLabel("username", { exact: true }).inputValue()).toBe("");

  await goUntil(page, letter, emailIn);
  await page.getByLabel("Send it anyway").check();
  await page.getByRole("button", { name: "Replay" }).click();
  await page.waitForURL(/\?action=/);
  await until("the record has failed again", async () => {
    await page.goto(letter);
    return page.getByText("failed again: its new letter is").isVisible();
  });
  const next = await page.getByRole("link", { name: /^0:\d+$/ }).getAttribute("href");
  await goUntil(page, `${served.url}${next}`, (page) => page.getByText("1 time, and failed again"));

  await page.getByRole("button", { name: "Dismiss" }).click(); // the browser asks for a reason
  await page.getByLabel("Because").fill("sent again by the shop");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.waitForURL(/\?action=/);
  await goUntil(page, page.url(), (page) => page.getByText("1 letter dismissed"));
  await goUntil(page, page.url(), (page) => page.getByText("because: sent again by the shop"));
});

test("all letters of a reason are replayed after a look at which can be, and the rest is dismissed", async () => {
  const ahead = (ms: number): User => ({ ...newUser(), timestamp: new Date(Date.now() + ms).toISOString() });
  // Long enough ahead to be read by the consumer before their time has come.
  const soon = [ahead(20_000), ahead(20_000)];
  await send(...soon, ahead(3_600_000));
  const page = await open();
  await page.goto(`${served.url}/dead-letters`);
  await page.getByRole("link", { name: "timestamp_ahead" }).click();
  await page.getByRole("link", { name: "open 3" }).waitFor();
  await until("their time has come", () => Date.now() > Date.parse(soon[1]!.timestamp));
  await page.getByRole("button", { name: "See which can be replayed" }).click();
  await page.getByText("2 letters would be replayed; 1 letter not, since:").waitFor();
  expect(await rowOf(soon[0]!)).toBeUndefined();
  await page.getByRole("button", { name: "Replay 2 letters" }).click();
  await page.getByText("2 letters replayed; 1 letter not, since:").waitFor();
  await page.getByRole("link", { name: "open 1" }).waitFor();
  await until("both are stored", async () => (await rowOf(soon[0]!)) && (await rowOf(soon[1]!)));

  await page.getByText("Dismiss all open ones").click();
  await page.getByLabel("Because").fill("a clock was wrong");
  await page.getByRole("button", { name: "Dismiss", exact: true }).click();
  await page.getByText("1 letter dismissed").waitFor();
  await page.getByRole("link", { name: "open 0" }).waitFor();
  expect(problems).toEqual([]);
});

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** How long the browser may take for anything, in milliseconds; Playwright's 30 seconds are few on a busy machine. */
const patienceMs = 120_000;

/** `bun install` includes the compressed browser, so neither system packages nor root are needed. */
export async function openBrowser(): Promise<Browser> {
  const folder = await unpack();
  return chromium.launch({
    executablePath: join(folder, "chromium"),
    timeout: patienceMs,
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"],
    env: {
      ...(process.env as Record<string, string>),
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
      FONTCONFIG_PATH: join(folder, "fonts"),
    },
  });
}

/** A page in a context of its own. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(patienceMs);
  return page;
}

/** Unpacks the browser once per version into the account's cache; the folder appears only when complete. */
async function unpack(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const { version } = await Bun.file(join(dirname(entry), "..", "package.json")).json();
  const cache = process.env.USER_AUTOMATION_CACHE ?? join(cacheHome(), "user-automation");
  const folder = join(cache, `chromium-${version}`);
  if (existsSync(folder)) return folder;

  const beside = `${folder}.${process.pid}`;
  mkdirSync(beside, { recursive: true });
  const { TMPDIR } = process.env;
  process.env.TMPDIR = beside; // the package unpacks to here
  try {
    const { inflate } = await import("@sparticuz/chromium");
    const packed = join(dirname(entry), "..", "bin");
    for (const file of ["chromium.br", "fonts.tar.br", "al2023.tar.br"]) await inflate(join(packed, file));
    writeFileSync(
      join(beside, "fonts", "fonts.conf"),
      `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
  <dir>/usr/share/fonts</dir><dir>${join(folder, "fonts")}</dir><cachedir>${join(folder, "fonts-cache")}</cachedir>
</fontconfig>\n`,
    );
    renameSync(beside, folder);
  } catch (error) {
    rmSync(beside, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // otherwise another process was faster
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
  return folder;
}

const cacheHome = () => process.env.XDG_CACHE_HOME || join(homedir(), ".cache");

/** Fills in Airflow's login page with the credentials in the README. */
export async function logIn(page: Page, username = "admin", password = "admin"): Promise<void> {
  await page.locator("input[name=username]").fill(username);
  await page.locator("input[name=password]").fill(password);
  await page.locator("button[type=submit]").click();
}

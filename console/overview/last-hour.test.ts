import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog } from "../../runtime/log.ts";
import { openLastHour } from "./last-hour.ts";
import { type Sample, sampleOf } from "./sample.ts";

const log = openLog("test-last-hour", "fatal");
const root = mkdtempSync(join(tmpdir(), "last-hour-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const sampleAt = (atMs: number): Sample =>
  sampleOf(undefined, { atMs, away: new Map(), silent: new Map() }, "users_created.dlq");

test("an hour is kept, and no more", async () => {
  const hour = await openLastHour(undefined, log);
  for (let at = 1; at <= 800; at++) hour.add(sampleAt(at * 5_000));
  expect(hour.after(0)).toHaveLength(720);
  expect(hour.after(0)[0]?.atMs).toBe(81 * 5_000);
  expect(hour.after(799 * 5_000).map(({ atMs }) => atMs)).toEqual([800 * 5_000]);
});

test("it outlives the console; what is older than an hour by then is gone", async () => {
  const folder = join(root, "kept");
  const now = Date.now();
  const first = await openLastHour(folder, log, now);
  for (const ago of [4_000_000, 1_800_000, 5_000]) first.add(sampleAt(now - ago));
  await first.save();
  const second = await openLastHour(folder, log, now);
  expect(second.after(0)).toEqual([sampleAt(now - 1_800_000), sampleAt(now - 5_000)]);
  expect(readdirSync(folder)).toEqual(["last-hour.json"]);
});

test.each(["", "{", '{"columns":["atMs"],"samples":[[1]]}', '{"columns":[],"samples":{}}'])(
  "a damaged file is set aside: %p",
  async (text) => {
    const folder = mkdtempSync(join(root, "damaged-"));
    writeFileSync(join(folder, "last-hour.json"), text);
    const hour = await openLastHour(folder, log);
    expect(hour.after(0)).toEqual([]);
    expect(readdirSync(folder)).toEqual(["last-hour.json.damaged"]);
    await hour.save();
    expect(readdirSync(folder).sort()).toEqual(["last-hour.json", "last-hour.json.damaged"]);
  },
);

test("a folder that cannot be written does not matter", async () => {
  writeFileSync(join(root, "a file"), "");
  const hour = await openLastHour(join(root, "a file", "folder"), log);
  hour.add(sampleAt(5_000));
  await hour.save();
  expect(hour.after(0)).toHaveLength(1);
});

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashOfId } from "../../contract/forgotten.ts";
import { forgottenBy } from "../../stream/forgotten/forgotten.ts";
import { cleanLogs, cleanRuns } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "forget-"));
afterAll(() => rmSync(folder, { recursive: true }));

const [gone, other] = ["c7a41086-06e3-4bfe-9c40-4e9da2df42c8", "0b6e8b2e-6c1f-4d0a-8f36-1a2b3c4d5e6f"];
const forgotten = forgottenBy(new Set([hashOfId(gone)]));
const lines = (...all: unknown[]) => all.map((line) => `${JSON.stringify(line)}\n`).join("");

test("lines about forgotten users are taken out of runs, also where the id is only derived; the rest stays, and times too", async () => {
  const run = join(folder, "runs", "manual__1");
  mkdirSync(run, { recursive: true });
  const file = (name: string) => join(run, name);
  writeFileSync(file("users.jsonl"), lines({ id: other, name: "a" }, { id: gone.toUpperCase() }, { id: other }));
  writeFileSync(file("users.rejects.jsonl"), lines({ reason: "x", original: { number: 7 } }, { reason: "y" }));
  writeFileSync(file("raw.jsonl"), `${lines({ number: 7 }, { number: 8 })}not JSON`);
  writeFileSync(join(folder, "runs", "forgotten.txt"), gone);
  utimesSync(file("users.jsonl"), 1_000, 2_000);
  const idOfLine = (line: unknown) => ((line as { number?: number } | undefined)?.number === 7 ? gone : undefined);

  expect(await cleanRuns(join(folder, "runs"), forgotten, idOfLine, false)).toBe(3);
  expect(readFileSync(file("users.jsonl"), "utf8")).toContain(gone.toUpperCase());
  expect(await cleanRuns(join(folder, "runs"), forgotten, idOfLine, true)).toBe(3);
  expect(readFileSync(file("users.jsonl"), "utf8")).toBe(lines({ id: other, name: "a" }, { id: other }));
  expect(readFileSync(file("users.rejects.jsonl"), "utf8")).toBe(lines({ reason: "y" }));
  expect(readFileSync(file("raw.jsonl"), "utf8")).toBe(`${lines({ number: 8 })}not JSON`);
  expect(statSync(file("users.jsonl")).mtimeMs).toBe(2_000_000);
  expect(await cleanRuns(join(folder, "runs"), forgotten, idOfLine, true)).toBe(0);
});

test("ids of forgotten users are overwritten in logs, whose length stays", async () => {
  const log = join(folder, "logs", "airflow", "a.log");
  mkdirSync(join(folder, "logs", "airflow"), { recursive: true });
  writeFileSync(log, `é lost ${gone} at 1\nextra ${other}\n${gone.toUpperCase()}${gone}\n`);
  const { size } = statSync(log);
  expect(await cleanLogs(join(folder, "logs"), forgotten, false)).toBe(3);
  expect(await cleanLogs(join(folder, "logs"), forgotten, true)).toBe(3);
  const text = readFileSync(log, "utf8");
  expect(text.toLowerCase()).not.toContain(gone);
  expect(text).toStartWith("é lost forgotten-0000-0000-0000-00000000000 at 1\nextra 0b6e8b2e");
  expect(statSync(log).size).toBe(size);
  expect(await cleanLogs(join(folder, "nothing"), forgotten, true)).toBe(0);
});

/** A source of another shape reaches PostgreSQL: fakerapi's persons, from a local server that gives the sample. */
// Runs in turn: it writes to the stack's table.
import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPostgres } from "../runtime/postgres.ts";
import { project } from "../stack/instance.ts";
import { lastLine, openTasks } from "./support/tasks.ts";

const sample = readFileSync(join(project, "sources/samples/fakerapi-persons.json"), "utf8");
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(sample) });
const url = process.env.POSTGRES_URL!;
const sql = openPostgres(url, 1);
afterAll(async () => {
  await sql.end();
  await server.stop(true);
});

const { path, read, run } = openTasks();

/** fetch, format and backup with `source: fakerapi` in config.yaml; the bytes of the last stage file and the counts. */
async function runTasks() {
  writeFileSync(path("config.yaml"), `source: fakerapi\nfakerapi: { url: "${server.url.origin}/api/v2/persons" }\n`);
  for (const line of [
    "fetch --users 12 --seed run-1 --at 2026-01-15T06:00:00Z --output raw.jsonl",
    "format --input raw.jsonl --output users.jsonl",
    "backup --input users.jsonl --output backed-up.jsonl",
  ]) {
    const { code, stdout } = await run(line, { POSTGRES_URL: url });
    expect([line, code, lastLine(stdout)]).toMatchObject([line, 0, { read: 12, written: 12, rejected: 0 }]);
  }
  return read("backed-up.jsonl");
}

test("twelve persons of fakerapi are rows in PostgreSQL, and running the tasks again changes none of them", async () => {
  const rows = () => sql`SELECT * FROM created_users WHERE email LIKE 'person%@example.org' ORDER BY email`;
  const bytes = await runTasks();
  const first = await rows();
  expect(first).toHaveLength(12);
  expect(first.find(({ email }) => email === "person12@example.org")).toMatchObject({
    first_name: "Olha",
    last_name: "Шевченко",
    username: "person12@example.org",
    address: "5360 Harbour Street, Львів, Ukraine",
    post_code: "95448-7724",
    dob: new Date("1966-06-05T00:00:00.000Z"),
    registered_date: null,
  });
  expect(await runTasks()).toBe(bytes);
  expect(await rows()).toEqual(first);
});

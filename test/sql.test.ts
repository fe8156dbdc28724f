/** `bun run sql`: PostgreSQL without psql. */
// Runs in turn: it writes to the stack's table.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { project } from "../stack/instance.ts";

const id = crypto.randomUUID();
const sql = async (args: string[], stdin = "") => {
  const command = Bun.spawn([process.execPath, join(project, "stack/main.ts"), "sql", ...args], {
    cwd: "/",
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
    command.exited,
  ]);
  return { stdout, stderr, code };
};
afterAll(() => sql([`DELETE FROM created_users WHERE id = '${id}'`]));

test("statements print what they did, and rows are lines that a shell can parse", async () => {
  const columns = '(id, first_name, last_name, email, username, "timestamp")';
  const insert = `INSERT INTO created_users ${columns} VALUES ('${id}', 'Ada', E'Ó\\nC', 'a@b', 'ada', '2026-01-15T06:00Z')`;
  expect(await sql([insert])).toEqual({ code: 0, stdout: "INSERT 1\n", stderr: "" });
  const select = `SELECT first_name, phone, "timestamp" FROM created_users WHERE id = '${id}'`;
  expect((await sql([select])).stdout).toBe("Ada\t\t2026-01-15T06:00:00.000Z\n");
  expect((await sql(["--json"], `${select}; SELECT 1 AS one`)).stdout).toBe(
    '{"first_name":"Ada","phone":null,"timestamp":"2026-01-15T06:00:00.000Z"}\n{"one":1}\n',
  );
});

test("an error from PostgreSQL is printed and ends with exit code 1", async () => {
  const { code, stdout, stderr } = await sql(["SELECT nobody FROM created_users"]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toContain('column "nobody" does not exist');
  expect((await sql([])).stderr).toContain("No SQL was given");
});

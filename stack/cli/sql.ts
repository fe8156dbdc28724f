import Table from "cli-table3";
import { classifyError, openPostgres } from "../../runtime/postgres.ts";
import { environmentOf } from "../environment.ts";
import { StackError } from "../failure.ts";
import type { Instance } from "../instance.ts";
import type { Command } from "./command-line.ts";

/** What one statement returned: `rows` are arrays of values in the order of the columns. */
interface Result {
  command: string;
  count: number;
  columns: string[];
  rows: unknown[][];
}

export const sql: Command = {
  does: "Runs SQL on this stack's PostgreSQL, as the owner of created_users.",
  takes: "[SQL, or stdin]",
  options: { "--json": "one JSON object a row; else a table on a terminal, lines with tabs in a pipe" },
  run: runSql,
};

async function runSql(instance: Instance, args: string[]): Promise<number> {
  const given = args.filter((arg) => arg !== "--json").join(" ");
  const text = given || (process.stdin.isTTY ? "" : await Bun.stdin.text());
  if (text.trim() === "")
    throw new StackError("No SQL was given", 'Pass it as an argument, bun run sql "SELECT …", or on stdin.');
  const show = args.includes("--json") ? jsonLines : process.stdout.isTTY ? table : tabbedLines;
  for (const result of await execute(instance, text)) console.log(show(result));
  return 0;
}

async function execute(instance: Instance, text: string): Promise<Result[]> {
  const sql = openPostgres(environmentOf(instance).POSTGRES_URL, 1);
  try {
    const answer = await sql.unsafe(text).values();
    // Several statements come back as a list of results; a result is a list of rows with more to it.
    const results = ("command" in answer ? [answer] : answer) as (unknown[][] & {
      command: string;
      count: number;
      columns?: { name: string }[];
    })[];
    return results.map((rows) => ({
      command: rows.command,
      count: rows.count,
      columns: (rows.columns ?? []).map(({ name }) => name),
      rows: [...rows],
    }));
  } catch (error) {
    if (classifyError(error) === "transient")
      throw new StackError("PostgreSQL does not answer", "Start the stack: `bun run up`.", [], { cause: error });
    const { message, detail, hint } = error as { message: string; detail?: string; hint?: string };
    throw new StackError(`PostgreSQL refuses it: ${message}`, hint ?? detail ?? "Nothing of it was done.");
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function table(result: Result): string {
  if (result.columns.length === 0) return tagOf(result);
  const rows = new Table({ head: result.columns, style: { head: [], border: [], compact: true } });
  rows.push(...result.rows.map((row) => row.map(textOf)));
  return rows.toString();
}

const tabbedLines = (result: Result) =>
  result.columns.length === 0 ? tagOf(result) : result.rows.map((row) => row.map(textOf).join("\t")).join("\n");

const jsonLines = ({ columns, rows, ...tag }: Result) =>
  columns.length === 0
    ? JSON.stringify(tag)
    : rows.map((row) => JSON.stringify(Object.fromEntries(columns.map((name, at) => [name, row[at]])))).join("\n");

/** "UPDATE 1": what a statement without rows says of itself. */
const tagOf = ({ command, count }: Result) => `${command} ${count ?? 0}`;

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toJSON() ?? "infinite";
  return typeof value === "object" ? (value === null ? "" : JSON.stringify(value)) : String(value);
}

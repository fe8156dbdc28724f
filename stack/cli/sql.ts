import Table from "cli-table3";
import { classifyError, openPostgres } from "../../runtime/postgres.ts";
import { ownConfig } from "../environment.ts";
import { StackError } from "../failure.ts";
import type { Instance } from "../instance.ts";
import type { Command } from "./command-line.ts";

/** The result of one statement; each row is an array of values in column order. */
interface Result {
  command: string;
  count: number;
  columns: string[];
  rows: unknown[][];
}

export const sql: Command = {
  summary: "Run SQL on the stack's PostgreSQL as the owner of its tables",
  usage: "[--json] [SQL]",
  options: {
    "--json": "print one JSON object per row (default: a table on a terminal, tab-separated values in a pipe)",
  },
  run: runSql,
};

async function runSql(instance: Instance, args: string[]): Promise<number> {
  const given = args.filter((arg) => arg !== "--json").join(" ");
  const text = given || (process.stdin.isTTY ? "" : await Bun.stdin.text());
  if (text.trim() === "")
    throw new StackError("No SQL was given", 'Pass it as an argument, as in `bun run sql "SELECT …"`, or on stdin.');
  const show = args.includes("--json") ? jsonLines : process.stdout.isTTY ? table : tabbedLines;
  for (const result of await execute(instance, text)) console.log(show(result));
  return 0;
}

async function execute(instance: Instance, text: string): Promise<Result[]> {
  const sql = openPostgres(ownConfig(instance).postgres, 1);
  try {
    const answer = await sql.unsafe(text).values();
    // Several statements return an array of results; a single one returns a result, an array of rows with properties.
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
      throw new StackError("PostgreSQL does not respond", "Start the stack with `bun run up`.", [], { cause: error });
    const { message, detail, hint } = error as { message: string; detail?: string; hint?: string };
    throw new StackError(`PostgreSQL rejected the SQL: ${message}`, hint ?? detail ?? "No changes were made.");
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

/** "UPDATE 1": the command tag of a statement that returns no rows. */
const tagOf = ({ command, count }: Result) => `${command} ${count ?? 0}`;

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toJSON() ?? "infinite";
  return typeof value === "object" ? (value === null ? "" : JSON.stringify(value)) : String(value);
}

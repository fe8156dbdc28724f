import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openPostgres, type Postgres } from "../../runtime/postgres.ts";
import { postgresUrl, superuserAccess } from "../addresses.ts";
import type { Instance } from "../instance.ts";
import { run } from "./run-tool.ts";

/**
 * Creates Airflow's database, or brings it to the installed version. An empty one is created with the statements that
 * Airflow itself executed when it first created one in this version: they are kept beside it in the cache and hold nothing
 * of a stack. Without them, or if they do not work, and for an existing database, Airflow does it.
 */
export async function migrateAirflow(
  instance: Instance,
  env: Record<string, string | undefined>,
  stop: AbortSignal,
  statements = statementsFile(instance),
): Promise<void> {
  const { installed } = instance;
  const url = postgresUrl(instance, {
    role: "airflow",
    password: instance.secrets.postgresAirflow,
    database: "airflow",
  });
  const sql = openPostgres({ ...superuserAccess(instance, "airflow"), url }, 1);
  let isNew: boolean;
  try {
    isNew = await isEmpty(sql);
    if (isNew && (await execute(sql, statements))) return;
  } finally {
    await sql.end({ timeout: 1 });
  }
  const migrate = isNew
    ? [installed.python, join(import.meta.dir, "migrate_airflow.py"), statements]
    : [installed.tool("airflow"), "db", "migrate"];
  await run(instance, "airflow-migrate", migrate, { env, stop });
}

/** In the folder of the Python environment, which belongs to one version of everything that is in it. */
const statementsFile = ({ installed }: Instance) => join(dirname(dirname(installed.python)), "airflow-database.sql");

async function isEmpty(sql: Postgres): Promise<boolean> {
  return (await sql`SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1`).length === 0;
}

/** Executes all of a file's statements or, if it is missing or damaged or one of them fails, none. */
async function execute(sql: Postgres, file: string): Promise<boolean> {
  if (!existsSync(file)) return false;
  const [, checksum, statements = ""] = /^-- (\w+)\n(.*)$/s.exec(readFileSync(file, "utf8")) ?? [];
  if (new Bun.CryptoHasher("sha256").update(statements).digest("hex") !== checksum) return false;
  return sql
    .begin((transaction) => transaction.unsafe(statements).simple())
    .then(
      () => true,
      () => false,
    );
}

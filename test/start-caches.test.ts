/** What is kept in the cache to make starts faster, when it is damaged, of something else, or not wanted. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openPostgres } from "../runtime/postgres.ts";
import { superuserUrl } from "../stack/addresses.ts";
import { up } from "../stack/lifecycle.ts";
import { airflowEnvironment } from "../stack/services/airflow.ts";
import { migrateAirflow } from "../stack/services/airflow-database.ts";
import { classPathOf, sharedClasses } from "../stack/services/java.ts";
import { openOwnStack } from "./support/own-stack.ts";

setDefaultTimeout(900_000);

const stack = await openOwnStack({ suffix: "-start" });
const { instance } = stack;
const folder = mkdtempSync(join(tmpdir(), "start-caches-"));

afterAll(async () => {
  await stack.down();
  stack.remove();
  rmSync(folder, { recursive: true });
});

test("Airflow's database from recorded statements is as Airflow makes it; a damaged record and old data are left to Airflow", async () => {
  await up(instance, { only: ["postgres"] });
  const file = join(folder, "airflow.sql");
  const log = join(instance.folder, "logs", "airflow-migrate.log");
  /** Returns how much Airflow itself logged meanwhile. */
  const migrate = async () => {
    const before = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
    const env = { ...instance.env, ...airflowEnvironment(instance) };
    await migrateAirflow(instance, env, new AbortController().signal, file);
    return (statSync(log, { throwIfNoEntry: false })?.size ?? 0) - before;
  };

  expect(await migrate()).toBeGreaterThan(0);
  const made = await describe();
  expect(made.length).toBeGreaterThan(500);
  const record = readFileSync(file, "utf8");
  for (const secret of Object.values(instance.secrets)) expect(record).not.toContain(secret);

  await dropEverything();
  expect(await migrate()).toBe(0);
  expect(await describe()).toEqual(made);

  writeFileSync(file, record.slice(0, -100)); // without the last rows
  await dropEverything();
  expect(await migrate()).toBeGreaterThan(0);
  expect(await describe()).toEqual(made);
  expect(readFileSync(file, "utf8").length).toBe(record.length);

  const drop = "DROP TABLE slot_pool;\n";
  writeFileSync(file, `-- ${new Bun.CryptoHasher("sha256").update(drop).digest("hex")}\n${drop}`);
  expect(await migrate()).toBeGreaterThan(0);
  expect(await describe()).toEqual(made);
});

test("Java starts with an archive of classes that is damaged, cut off or no archive at all", async () => {
  const own = { installed: { ...instance.installed, python: join(folder, "bin", "python") } };
  const archive = join(folder, `${basename(instance.installed.bundle("kafka"))}.jsa`);
  const randomId = async () => {
    const java = [instance.installed.java, ...sharedClasses(own, "kafka"), "-cp", classPathOf(instance, "kafka")];
    const tool = Bun.spawn([...java, "kafka.tools.StorageTool", "random-uuid"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const output = await new Response(tool.stdout).text();
    expect(await tool.exited).toBe(0);
    return output.trim().split("\n").at(-1);
  };
  const anId = /^[\w-]{22}$/;

  expect(await randomId()).toMatch(anId);
  const bytes = readFileSync(archive);
  expect(await randomId()).toMatch(anId);
  writeFileSync(
    archive,
    bytes.map((byte, index) => (index > bytes.length / 2 && index % 97 === 0 ? byte ^ 0xff : byte)),
  );
  expect(await randomId()).toMatch(anId);
  truncateSync(archive, bytes.length / 2);
  expect(await randomId()).toMatch(anId);
  writeFileSync(archive, "no archive");
  expect(await randomId()).toMatch(anId);
});

/** Everything in Airflow's database but times: columns, indexes, constraints and the rows of its first tables. */
async function describe(): Promise<unknown[]> {
  return inAirflow(async (sql) => [
    ...(await sql`SELECT table_name, column_name, data_type, is_nullable, column_default, ordinal_position
      FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2`),
    ...(await sql`SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`),
    ...(await sql`SELECT conrelid::regclass::text AS "table", conname, pg_get_constraintdef(oid) AS definition
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`),
    ...(await sql`SELECT relname, relkind, relowner::regrole::text AS owner
      FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`),
    ...(await sql`SELECT version_num FROM alembic_version`),
    ...(await sql`SELECT id, filename, elasticsearch_id FROM log_template ORDER BY 1`),
    ...(await sql`SELECT id, pool, slots, include_deferred FROM slot_pool ORDER BY 1`),
  ]);
}

const dropEverything = () =>
  inAirflow(async (sql) => {
    await sql`DROP SCHEMA public CASCADE`;
    await sql`CREATE SCHEMA public AUTHORIZATION pg_database_owner`;
  });

async function inAirflow<T>(work: (sql: ReturnType<typeof openPostgres>) => Promise<T>): Promise<T> {
  const sql = openPostgres(superuserUrl(instance, "airflow"), 1);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

import { afterAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { openPostgres } from "../runtime/postgres.ts";
import { install } from "../stack/install/install.ts";
import { openInstance, project } from "../stack/instance.ts";
import { removePostgresFolder } from "../stack/services/postgres-files.ts";
import { freePort } from "./support/free-port.ts";
import type { PostgresAlone } from "./support/postgres-alone.ts";

// As root this tests the dropping of privileges; as another account, that a closed folder is no obstacle.
const isRoot = process.getuid?.() === 0;

// A clone in a folder closed to others, such as root's home, with PostgreSQL's binaries and the stack in it.
const closed = mkdtempSync(join(tmpdir(), "closed-")); // mode 700
const clone = join(closed, "project");
const folders = ["contract", "runtime", "stream", "operations", "sources", "spark", "stack", "test/support"];
for (const name of [...folders, "config.yaml", "package.json"])
  cpSync(join(project, name), join(clone, name), { recursive: true });
symlinkSync(join(project, "node_modules"), join(clone, "node_modules"));
const { postgres: binaries } = await install();
const [cache, closedCache] = [join(binaries, "..", ".."), join(closed, "cache")];
mkdirSync(join(closedCache, "jars"), { recursive: true });
for (const name of [...readdirSync(cache), ...readdirSync(join(cache, "jars")).map((name) => join("jars", name))])
  if (name !== "jars" && name !== relative(cache, binaries)) symlinkSync(join(cache, name), join(closedCache, name));
cpSync(binaries, join(closedCache, relative(cache, binaries)), { recursive: true, verbatimSymlinks: true });
const env = {
  ...process.env,
  USER_AUTOMATION_CACHE: closedCache,
  STACK_DIR: join(closed, "stack"),
  POSTGRES_PORT: String(freePort()),
};

afterAll(async () => {
  removePostgresFolder(await openInstance(env));
  rmSync(closed, { recursive: true });
});

/** Runs PostgreSQL during `use`. */
async function withPostgres<T>(use: (server: PostgresAlone) => Promise<T>): Promise<T> {
  const alone = Bun.spawn([process.execPath, "test/support/postgres-alone.ts"], {
    cwd: clone,
    env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const { value } = await alone.stdout.getReader().read();
    return await use(JSON.parse(new TextDecoder().decode(value)));
  } finally {
    alone.stdin.end();
    expect(await alone.exited).toBe(0);
  }
}

async function query(url: string, sql: string) {
  const client = openPostgres(url, 1);
  try {
    return await client.unsafe(sql);
  } finally {
    await client.end({ timeout: 1 });
  }
}

const statusOf = (pid: number) =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/status`, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(":\t") as [string, string]),
  );

test("PostgreSQL starts in a clone closed to others, without privileges or a way to gain them", () =>
  withPostgres(async ({ pid, superuserUrl }) => {
    const { Uid, CapEff, CapPrm, CapInh, CapAmb, CapBnd, NoNewPrivs } = statusOf(pid);
    const none = "0".repeat(16);
    expect({ CapEff, CapPrm, CapInh, CapAmb }).toEqual({ CapEff: none, CapPrm: none, CapInh: none, CapAmb: none });
    expect(Uid?.split("\t")).not.toContain("0");
    if (isRoot) expect({ CapBnd, NoNewPrivs }).toEqual({ CapBnd: none, NoNewPrivs: "1" });

    // A database superuser can read every file that the process can.
    await expect(query(superuserUrl, "SELECT pg_read_file('/etc/shadow')")).rejects.toThrow(/permission denied/i);
    const secrets = join(env.STACK_DIR, "secrets.json");
    if (isRoot)
      await expect(query(superuserUrl, `SELECT pg_read_file('${secrets}')`)).rejects.toThrow(/permission denied/i);
  }));

test("a database created by an earlier version in the stack's folder is moved with its data", async () => {
  const { cluster } = await withPostgres(async (server) => {
    await query(server.superuserUrl, "CREATE TABLE kept AS SELECT 'Rachel' AS name");
    return server;
  });
  const earlier = join(env.STACK_DIR, "data", "postgres", "cluster");
  if (isRoot) Bun.spawnSync(["mv", cluster, earlier]);
  await withPostgres(async ({ superuserUrl }) => {
    expect((await query(superuserUrl, "SELECT name FROM kept"))[0]?.name).toBe("Rachel");
  });
  expect(existsSync(cluster)).toBe(true);
  expect(existsSync(earlier)).toBe(!isRoot);
});

test("deleting a stack deletes PostgreSQL's files, wherever they are", async () => {
  const { folder } = await withPostgres(async (server) => server);
  expect(existsSync(folder)).toBe(true);
  if (isRoot) expect(readFileSync(join(folder, "stack"), "utf8")).toBe(`${env.STACK_DIR}\n`);
  removePostgresFolder(await openInstance(env));
  if (isRoot) expect(existsSync(folder)).toBe(false);
  else expect(folder).toStartWith(env.STACK_DIR);
});

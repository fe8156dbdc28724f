import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { captureSql, replicationRole, replicationRoleSql, uncapturedSql } from "../../contract/change-capture.ts";
import { openPostgres } from "../../runtime/postgres.ts";
import { local, superuser, superuserAccess } from "../addresses.ts";
import type { Instance } from "../instance.ts";
import { accessSettings, prepareAccess } from "./postgres-access.ts";
import {
  asUser,
  clusterFolder,
  letPostgresRead,
  makeWritableFolder,
  postgresBinary,
  postgresFolder,
  prepareFolder,
} from "./postgres-files.ts";
import { run } from "./run-tool.ts";
import type { Service } from "./service.ts";

/** Three databases: `users` holds the backup; `airflow` and `registry` belong to Airflow and Schema Registry. */
export const postgres: Service = {
  name: "postgres",
  title: "PostgreSQL",
  dependsOn: [],
  ports: ["postgres"],
  address: ({ config }) => `postgres://users@${local(config.ports.postgres)}/users`,

  async prepare(instance, stop) {
    await prepareFolder(instance);
    if (!existsSync(join(clusterFolder(instance), "PG_VERSION"))) await createCluster(instance, stop);
    await prepareAccess(instance, stop);
  },

  programs: (instance) => [
    {
      name: "postgres",
      argv: asUser([
        postgresBinary(instance, "postgres"),
        ...["-D", clusterFolder(instance)],
        ...Object.entries(settings(instance)).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ]),
      cwd: postgresFolder(instance),
      env: { LC_ALL: "C", TZ: "UTC" },
      stopSignal: "INT", // closes open sessions; TERM would wait for them
      stopsItsChildren: true,
      async ready(instance) {
        await createDatabases(instance);
        await captureChanges(instance);
      },
    },
  ],
};

const settings = (instance: Instance) => ({
  listen_addresses: "127.0.0.1",
  port: instance.config.ports.postgres,
  unix_socket_directories: "",
  timezone: "UTC",
  log_timezone: "UTC",
  shared_buffers: "64MB",
  max_connections: 100,
  // For change data capture; an unread slot may retain at most this much WAL.
  wal_level: "logical",
  max_slot_wal_keep_size: "1GB",
  // A file of the log that is no longer needed is removed, instead of keeping its rows until it is used again.
  wal_recycle: "off",
  ...accessSettings(instance),
});

/** Creates the cluster under a temporary name and renames it, so that it is never incomplete. */
async function createCluster(instance: Instance, stop: AbortSignal) {
  const folder = postgresFolder(instance);
  const cluster = `${clusterFolder(instance)}.new`;
  for (const incomplete of [cluster, clusterFolder(instance)]) rmSync(incomplete, { recursive: true, force: true });
  makeWritableFolder(cluster);
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, instance.secrets.postgresSuperuser, { mode: 0o600 });
  letPostgresRead(passwordFile);
  const options = ["--auth=scram-sha-256", `--pwfile=${passwordFile}`, "--encoding=UTF8", "--locale=C", "--no-sync"];
  const initdb = [postgresBinary(instance, "initdb"), "-D", cluster, "-U", superuser, ...options];
  await run(instance, "postgres", asUser(initdb), { cwd: folder, stop });
  rmSync(passwordFile);
  renameSync(cluster, clusterFolder(instance));
}

/** Creates missing roles, with their passwords, and databases. */
async function createDatabases(instance: Instance) {
  const { secrets } = instance;
  const sql = openPostgres(superuserAccess(instance, "postgres"), 1);
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
    // `bun run forget` ends the log where somebody still is in it.
    await sql`GRANT pg_checkpoint TO users`;
    // A killed scheduler may leave workers with open transactions that hold row locks; this ends them.
    await sql`ALTER ROLE airflow SET idle_in_transaction_session_timeout = '30s'`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Creates, as its owner, the table with everything change data capture needs, and a role limited to replicating it. */
async function captureChanges(instance: Instance) {
  const sql = openPostgres(superuserAccess(instance, "users"), 1);
  try {
    const [role] = await sql`SELECT FROM pg_roles WHERE rolname = ${replicationRole}`;
    if (!role) await sql.unsafe(`CREATE ROLE ${replicationRole}`);
    await sql.unsafe(replicationRoleSql);
    await sql`GRANT EXECUTE ON FUNCTION pg_switch_wal() TO users`;
    if ((await sql.unsafe(uncapturedSql)).length === 0) return;
    await sql.begin(async (transaction) => {
      await transaction.unsafe("SET LOCAL ROLE users");
      await transaction.unsafe(captureSql);
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

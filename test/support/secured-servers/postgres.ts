import { readFileSync, writeFileSync } from "node:fs";
import { openPostgres } from "../../../runtime/postgres.ts";
import { until } from "../../../runtime/until.ts";
import { superuserUrl } from "../../../stack/addresses.ts";
import type { Instance } from "../../../stack/instance.ts";
import { postgres } from "../../../stack/services/postgres.ts";
import { accessSettings } from "../../../stack/services/postgres-access.ts";
import { letPostgresRead } from "../../../stack/services/postgres-files.ts";
import { passwords } from "./passwords.ts";
import { start } from "./start.ts";

export async function startPostgres(instance: Instance, file: (name: string) => string) {
  await postgres.prepare?.(instance, new AbortController().signal);
  const { hba_file, ssl_ca_file, ssl_cert_file, ssl_key_file } = accessSettings(instance);
  const copies = { [ssl_ca_file]: "ca.crt", [ssl_cert_file]: "server.crt", [ssl_key_file]: "server.key" };
  for (const [path, name] of Object.entries(copies)) writeFileSync(path, readFileSync(file(name)), { mode: 0o600 });
  writeFileSync(
    hba_file,
    "host all postgres all scram-sha-256\nhostssl all certified all cert\nhostssl all all all scram-sha-256\n",
  );
  for (const path of [hba_file, ...Object.keys(copies)]) letPostgresRead(path);
  const [program] = postgres.programs(instance);
  return start(instance, "postgres", program!.argv, program!.cwd);
}

export async function preparePostgres(instance: Instance) {
  const sql = await until("the secured PostgreSQL answers", async () => {
    const trying = openPostgres(superuserUrl(instance, "postgres"), 1);
    return trying`SELECT 1`.then(
      () => trying,
      async (error: unknown) => {
        await trying.end({ timeout: 0 });
        throw error;
      },
    );
  });
  for (const role of ["pipeline", "stranger"] as const)
    await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${passwords[role]}'`);
  await sql.unsafe("CREATE ROLE certified LOGIN");
  await sql.unsafe("CREATE DATABASE users OWNER pipeline");
  await sql.end({ timeout: 1 });
}

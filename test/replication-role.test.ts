import { describe, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { replicationRole } from "../contract/change-capture.ts";
import { clientCertificate } from "../stack/certificates.ts";
import { openInstance } from "../stack/instance.ts";

const instance = await openInstance(process.env);
const { postgresSuperuser, postgresUsers } = instance.secrets;
const read = (file: string) => readFileSync(join(clientCertificate(instance), file));
const certificate = {
  ca: read("ca.crt"),
  cert: read("client.crt"),
  key: createPrivateKey({ key: read("client.pk8"), format: "der", type: "pkcs8" }).export({
    format: "pem",
    type: "pkcs8",
  }),
};

interface Login {
  username?: string;
  password?: string;
  database?: string;
  /** Whether it presents the certificate. */
  tls?: boolean;
  replication?: "true" | "database";
}

/** The result of a query after logging in, or the code and message of the error. */
async function ask(query: string, login: Login) {
  const { username = replicationRole, password, database = "users", tls = true, replication } = login;
  const sql = postgres({
    ...{ host: "127.0.0.1", port: instance.config.ports.postgres, username, database, max: 1, fetch_types: false },
    password: password ?? "",
    ssl: tls ? certificate : false,
    connection: replication ? { replication: replication as never } : {},
  });
  try {
    return [...(await sql.unsafe(query).simple())];
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code} ${message}`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const refused = expect.stringMatching(/^(28000|28P01) /);

describe("Debezium's role", () => {
  test("logs in with its certificate and reads the captured table", async () => {
    expect(await ask("SELECT id FROM created_users LIMIT 0", {})).toEqual([]);
  });

  test("cannot log in without its certificate, whatever the password", async () => {
    for (const password of ["", replicationRole, postgresUsers])
      expect(await ask("SELECT 1", { tls: false, password })).toEqual(refused);
  });

  test("cannot act as another role", async () => {
    for (const username of ["postgres", "users", "airflow", "registry"])
      expect([username, await ask("SELECT 1", { username, database: username, password: "" })]).toEqual([
        username,
        refused,
      ]);
    expect(await ask("SET ROLE users", {})).toStartWith("42501 ");
    expect(await ask("CREATE TABLE mine (id int)", {})).toStartWith("42501 ");
    expect(await ask("DELETE FROM created_users", {})).toStartWith("42501 ");
  });

  test.each(["airflow", "registry", "postgres", "template1"])("cannot connect to the database %s", async (database) => {
    expect(await ask("SELECT 1", { database })).toEqual(refused);
    expect(await ask("IDENTIFY_SYSTEM", { database, replication: "database" })).toEqual(refused);
  });

  test("replicates its own database", async () => {
    expect(await ask("IDENTIFY_SYSTEM", { replication: "database" })).toEqual([
      expect.objectContaining({ dbname: "users" }),
    ]);
  });
});

test("no role gets a physical replication connection, which pg_basebackup needs", async () => {
  for (const login of [
    {},
    { username: "users", password: postgresUsers, tls: false },
    { username: "postgres", password: postgresSuperuser, tls: false },
  ])
    expect(await ask("IDENTIFY_SYSTEM", { ...login, replication: "true" })).toMatch(/^28000 .*replication connection/);
});

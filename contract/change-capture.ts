import { publication, table, timeField } from "./entity.ts";
import { updateSql } from "./migration.ts";
import { createSql, deletedTable, forgottenTable, quoted } from "./tables.ts";

/** The role Debezium uses to read PostgreSQL's log. */
export const replicationRole = "debezium";

/**
 * Configures that role; a superuser runs it, any number of times. The role logs in with a certificate instead of a
 * password. Its membership grants none of the owner's rights: stack/services/pg_hba.conf requires it to connect.
 */
export const replicationRoleSql = `ALTER ROLE ${replicationRole} LOGIN REPLICATION PASSWORD NULL;
GRANT users TO ${replicationRole} WITH INHERIT FALSE, SET FALSE;`;

/** The table that keeps a quiet slot moving: see `heartbeat.action.query` in postgres-connector.json. */
const heartbeatTable = "change_capture_heartbeat";

const time = quoted(timeField);

/** The triggers that `captureSql` creates, or that `createSql` does. */
const triggers = [deletedTable, `${table}_touch`, `${table}_truncate`];

const there: [what: string, condition: string][] = [
  [
    `the publication ${publication}`,
    `SELECT FROM pg_publication WHERE pubname = '${publication}' AND pubinsert AND pubupdate AND pubdelete`,
  ],
  ...[table, heartbeatTable].map((name): [string, string] => [
    `the table ${name} in the publication ${publication}`,
    `SELECT FROM pg_publication_tables WHERE pubname = '${publication}' AND schemaname = 'public' AND tablename = '${name}'`,
  ]),
  [
    `REPLICA IDENTITY FULL of the table ${table}`,
    `SELECT FROM pg_class WHERE oid = to_regclass('public.${table}') AND relreplident = 'f'`,
  ],
  [`the table ${forgottenTable}`, `SELECT FROM pg_class WHERE oid = to_regclass('public.${forgottenTable}')`],
  ...triggers.map((name): [string, string] => [
    `the trigger ${name}`,
    `SELECT FROM pg_trigger WHERE tgrelid = to_regclass('public.${table}') AND tgname = '${name}'`,
  ]),
];

/** What `captureSql` would add, one row each; none if it has been applied and is still in effect. */
export const uncapturedSql = `SELECT what FROM (VALUES
${there.map(([what, condition]) => `  ('${what}', EXISTS (${condition}))`).join(",\n")}
) AS needed (what, is_there) WHERE NOT is_there`;

/**
 * Prepares PostgreSQL for a connector that follows the table; the table's owner applies it, after a superuser has
 * created the role. It can be applied again at any time.
 *
 * - REPLICA IDENTITY FULL: a change carries the whole row, including large unchanged values.
 * - Editing a row by hand updates its write time automatically: it says when a row was last written, and the first
 *   snapshot of a table has no other source for that.
 * - TRUNCATE deletes the rows one by one, since a change event without a row cannot be ordered relative to others.
 */
export const captureSql = `${createSql}

${updateSql}

ALTER TABLE ${table} REPLICA IDENTITY FULL;

CREATE OR REPLACE FUNCTION ${table}_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.${time} := date_trunc('milliseconds', clock_timestamp());
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER ${table}_touch BEFORE UPDATE ON ${table} FOR EACH ROW
WHEN (NEW IS DISTINCT FROM OLD AND NEW.${time} IS NOT DISTINCT FROM OLD.${time})
EXECUTE FUNCTION ${table}_touch();

CREATE OR REPLACE FUNCTION ${table}_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM ${table};
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ${table}_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT
EXECUTE FUNCTION ${table}_truncate();

CREATE TABLE IF NOT EXISTS ${heartbeatTable} (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  beat_at timestamptz NOT NULL
);
INSERT INTO ${heartbeatTable} (beat_at) VALUES (now()) ON CONFLICT (id) DO NOTHING;

GRANT USAGE ON SCHEMA public TO ${replicationRole};
GRANT SELECT ON ${table} TO ${replicationRole};
GRANT SELECT, UPDATE ON ${heartbeatTable} TO ${replicationRole};

DROP PUBLICATION IF EXISTS ${publication};
CREATE PUBLICATION ${publication} FOR TABLE ${table}, ${heartbeatTable} WITH (publish = 'insert, update, delete');`;

import { idField, searchFields, table, timeField } from "./entity.ts";
import type { FieldKind, FieldValue } from "./fields.ts";
import { fields, type User } from "./user.ts";

const columns = fields.map((field) => field.name);
/** A list is frozen, one cell like any other: its write time is the row's, and an empty list is not null. */
export const cqlTypes: Readonly<Record<FieldKind, string>> = {
  uuid: "uuid",
  text: "text",
  int: "int",
  long: "bigint",
  double: "double",
  boolean: "boolean",
  timestamp: "timestamp",
  date: "date",
  list: "frozen<list<text>>",
};
export const sqlTypes: Readonly<Record<FieldKind, string>> = {
  uuid: "uuid",
  text: "text",
  int: "integer",
  long: "bigint",
  double: "double precision",
  boolean: "boolean",
  timestamp: "timestamptz",
  date: "date",
  list: "text[]",
};

/** When a user was written, in microseconds since 1970: the write time of its row in Cassandra. */
export const writeTimeOf = (user: Pick<User, typeof timeField>) => Date.parse(user[timeField]) * 1_000;

// --- Cassandra ------------------------------------------------------------------------------------------------------

/** The indexes that match text regardless of case and of how accents are encoded, but not regardless of accents. */
export const indexes = searchFields.map((field) => ({ field, name: `${table}_${field}` }));

/** The statements that create keyspace, table and indexes if missing, to be executed one by one. */
export const createCql = (
  keyspace: string,
  dataCenter: string,
  replicationFactor: number,
): [keyspace: string, table: string, ...indexes: string[]] => [
  `CREATE KEYSPACE IF NOT EXISTS ${keyspace}
  WITH replication = {'class': 'NetworkTopologyStrategy', '${dataCenter}': ${replicationFactor}};`,
  `CREATE TABLE IF NOT EXISTS ${keyspace}.${table} (
${fields.map(({ name, kind }) => `  ${name} ${cqlTypes[kind]}${name === idField ? " PRIMARY KEY" : ""}`).join(",\n")}
);`,
  ...indexes.map(
    ({ field, name }) => `CREATE CUSTOM INDEX IF NOT EXISTS ${name} ON ${keyspace}.${table} (${field})
  USING 'StorageAttachedIndex' WITH OPTIONS = {'case_sensitive': 'false', 'normalize': 'true'};`,
  ),
];

/** Writes a whole row, nulls included, with an explicit write time: the parameters are `rowOf` and the microseconds. */
export const upsertCql = (keyspace: string) =>
  `INSERT INTO ${keyspace}.${table} (${columns.join(", ")})
   VALUES (${columns.map(() => "?").join(", ")}) USING TIMESTAMP ?`;

/** One whole row by its id. */
export const selectCql = (keyspace: string) =>
  `SELECT ${columns.join(", ")} FROM ${keyspace}.${table} WHERE ${idField} = ?`;

/** Deletes a row with an explicit write time: the parameters are the microseconds and the id. */
export const deleteCql = (keyspace: string) =>
  `DELETE FROM ${keyspace}.${table} USING TIMESTAMP ? WHERE ${idField} = ?`;

/** A list without items in the native protocol: the driver would write null instead. */
const emptyList = Buffer.alloc(4);

/** A user as the values of a row, in the order of the columns. Times are Dates; the driver takes uuids and dates as text. */
export const rowOf = (user: User): (FieldValue | Date | Buffer)[] =>
  fields.map(({ name, kind }) => {
    const value = user[name] as FieldValue;
    if (Array.isArray(value) && value.length === 0) return emptyList;
    return kind === "timestamp" && value !== null ? new Date(value as string) : value;
  });

/** A row as Cassandra or PostgreSQL returns it -> User. A bigint beyond 2^53, which no user has, is rounded. */
export const userOf = (row: Record<string, unknown>): User =>
  Object.fromEntries(fields.map(({ name, kind }) => [name, readValue(kind, row[name] ?? null)])) as User;

function readValue(kind: FieldKind, value: unknown): FieldValue {
  if (value === null) return null;
  switch (kind) {
    case "int":
    case "long":
    case "double":
      return Number(String(value)); // a bigint is text or a Long
    case "boolean":
      return value === true;
    case "list":
      return Array.isArray(value) ? value.map(String) : [];
    default:
      return value instanceof Date ? value.toISOString() : String(value);
  }
}

// --- PostgreSQL -----------------------------------------------------------------------------------------------------

/** The table of deleted users' ids, which the pipeline never brings back. */
export const deletedTable = `${table}_deleted`;

/** The table of the hashes of forgotten users' ids (`hashOfId`), which the pipeline never stores again. */
export const forgottenTable = `${table}_forgotten`;

/** The same hash, of an id in PostgreSQL. */
export const hashSql = (id: string) => `sha256(convert_to(${id}::text, 'UTF8'))`;

/**
 * Creates the table, the tracking of its deletions and the table of who was forgotten if missing; takes no locks if
 * everything exists. A trigger records the id of each deleted row, and removes it when the row is inserted again. Its
 * function's search_path is the table's schema, so that a temporary table cannot shadow it.
 */
export const createSql = `CREATE TABLE IF NOT EXISTS ${table} (
${fields
  .map(({ name, kind, nullable }) => {
    const constraint = name === idField ? " PRIMARY KEY" : nullable ? "" : " NOT NULL";
    return `  ${quoted(name)} ${sqlTypes[kind]}${constraint}`;
  })
  .join(",\n")}
);

CREATE TABLE IF NOT EXISTS ${deletedTable} (
  ${idField} uuid PRIMARY KEY,
  deleted_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS ${forgottenTable} (
  hash bytea PRIMARY KEY,
  forgotten_at timestamptz NOT NULL
);

DO $do$ BEGIN
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '${table}'::regclass AND tgname = '${deletedTable}') THEN
    RETURN;
  END IF;
  PERFORM set_config('search_path', format('%I, pg_temp', current_schema()), true);
  CREATE OR REPLACE FUNCTION ${deletedTable}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path FROM CURRENT AS $$
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      INSERT INTO ${deletedTable} VALUES (OLD.${idField}, now()) ON CONFLICT (${idField}) DO UPDATE SET deleted_at = excluded.deleted_at;
    END IF;
    IF TG_OP <> 'DELETE' THEN
      DELETE FROM ${deletedTable} WHERE ${idField} = NEW.${idField};
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER ${deletedTable} AFTER INSERT OR DELETE OR UPDATE OF ${idField} ON ${table} FOR EACH ROW
  EXECUTE FUNCTION ${deletedTable}();
END $do$;`;

/**
 * Runs before `upsertSql` in the same transaction: waits for concurrent deletions of the rows (`$1`, their ids) and
 * locks the remaining rows against deletion until the end. The next statement then sees every deletion.
 */
export const holdSql = `SELECT FROM ${table} WHERE ${idField} = ANY($1::uuid[]) ORDER BY ${idField} FOR KEY SHARE`;

/**
 * The kinds that are given to `upsertSql` as text: `unnest` would flatten an array of arrays, and postgres.js takes an
 * array of booleans for a boolean.
 */
const asText: ReadonlySet<FieldKind> = new Set(["list", "boolean"]);

/**
 * Upserts many users in one statement: one array per column (`columnArrays`). A row that is at least as new as the user
 * stays unchanged, so that rerunning a task changes nothing; a deleted user stays deleted, and a forgotten one forgotten.
 * Returns a row for each stored user (`inserted`: whether it is new) and one for each deleted or forgotten user (`deleted`
 * or `forgotten`: the id). `xmax` is 0 in a new row.
 */
export const upsertSql = `WITH given AS (
  SELECT * FROM unnest(${fields.map(({ kind }, index) => `$${index + 1}::${asText.has(kind) ? "text" : sqlTypes[kind]}[]`).join(", ")})
  AS given (${columns.map(quoted).join(", ")})
), forgotten AS (
  SELECT ${idField} FROM given WHERE EXISTS (SELECT FROM ${forgottenTable})
  AND ${hashSql(idField)} IN (SELECT hash FROM ${forgottenTable})
), deleted AS (
  SELECT ${idField} FROM given JOIN ${deletedTable} USING (${idField})
  WHERE ${idField} NOT IN (SELECT ${idField} FROM forgotten)
), stored AS (
  INSERT INTO ${table} (${columns.map(quoted).join(", ")})
  SELECT ${fields.map(({ name, kind }) => (asText.has(kind) ? `${quoted(name)}::${sqlTypes[kind]}` : quoted(name))).join(", ")}
  FROM given WHERE ${idField} NOT IN (SELECT ${idField} FROM deleted UNION ALL SELECT ${idField} FROM forgotten)
  ON CONFLICT (${idField}) DO UPDATE SET
${columns
  .filter((name) => name !== idField)
  .map((name) => `    ${quoted(name)} = excluded.${quoted(name)}`)
  .join(",\n")}
  WHERE ${table}.${quoted(timeField)} < excluded.${quoted(timeField)}
  RETURNING xmax = 0 AS inserted
)
SELECT inserted, NULL::uuid AS deleted, NULL::uuid AS forgotten FROM stored
UNION ALL SELECT NULL, ${idField}, NULL FROM deleted UNION ALL SELECT NULL, NULL, ${idField} FROM forgotten`;

/** Users as one array per column, the parameters of `upsertSql`. Ids must be unique. Lists are array literals. */
export const columnArrays = (users: readonly User[]) =>
  fields.map(({ name }) =>
    users.map((user) => {
      const value = user[name] as FieldValue;
      if (typeof value === "boolean") return String(value);
      return Array.isArray(value) ? arrayLiteral(value) : value;
    }),
  );

/** PostgreSQL's text form of a text[]. Source: postgresql.org/docs/current/arrays.html, "Array Input and Output Syntax" */
const arrayLiteral = (items: readonly string[]) =>
  `{${items.map((item) => `"${item.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;

/** A column's name in SQL: `timestamp` is also a type. */
export function quoted(name: string) {
  return name === "timestamp" ? `"${name}"` : name;
}

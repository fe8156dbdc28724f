import { type FieldKind, fields, type User } from "./user.ts";

/** The table's name in Cassandra and in PostgreSQL. */
export const table = "created_users";

const columns = fields.map((field) => field.name);
const cqlTypes: Record<FieldKind, string> = { uuid: "uuid", text: "text", timestamp: "timestamp" };
const sqlTypes: Record<FieldKind, string> = { uuid: "uuid", text: "text", timestamp: "timestamptz" };

/** When a user was written, in microseconds since 1970: the write time of its row in Cassandra. */
export const writeTimeOf = (user: Pick<User, "timestamp">) => Date.parse(user.timestamp) * 1_000;

// --- Cassandra ------------------------------------------------------------------------------------------------------

/**
 * The statements that make keyspace, table and index where they are missing, each to be executed on its own.
 * The index finds first names in any case, however their accents are encoded; an accent itself matters.
 */
export const createCql = (keyspace: string, dataCenter: string, replicationFactor: number) => [
  `CREATE KEYSPACE IF NOT EXISTS ${keyspace}
  WITH replication = {'class': 'NetworkTopologyStrategy', '${dataCenter}': ${replicationFactor}};`,
  `CREATE TABLE IF NOT EXISTS ${keyspace}.${table} (
${fields.map(({ name, kind }) => `  ${name} ${cqlTypes[kind]}${name === "id" ? " PRIMARY KEY" : ""}`).join(",\n")}
);`,
  `CREATE CUSTOM INDEX IF NOT EXISTS ${table}_first_name ON ${keyspace}.${table} (first_name)
  USING 'StorageAttachedIndex' WITH OPTIONS = {'case_sensitive': 'false', 'normalize': 'true'};`,
];

/** Writes a whole row, nulls included, at a write time of its own: parameters of `rowOf` and the time in microseconds. */
export const upsertCql = (keyspace: string) =>
  `INSERT INTO ${keyspace}.${table} (${columns.join(", ")})
   VALUES (${columns.map(() => "?").join(", ")}) USING TIMESTAMP ?`;

/** One whole row by its id. */
export const selectCql = (keyspace: string) => `SELECT ${columns.join(", ")} FROM ${keyspace}.${table} WHERE id = ?`;

/** Deletes a row as of a write time: parameters are the time in microseconds and the id. */
export const deleteCql = (keyspace: string) => `DELETE FROM ${keyspace}.${table} USING TIMESTAMP ? WHERE id = ?`;

/** A user as the values of a row, in the order of the columns. Times are Dates; the driver takes uuids as text. */
export const rowOf = (user: User): (string | Date | null)[] =>
  fields.map(({ name, kind }) => {
    const value = user[name];
    return value !== null && kind === "timestamp" ? new Date(value) : value;
  });

/** A row as Cassandra or PostgreSQL returns it -> User. */
export const userOf = (row: Record<string, unknown>): User =>
  Object.fromEntries(
    columns.map((name) => {
      const value = row[name] ?? null;
      return [name, value === null ? null : value instanceof Date ? value.toISOString() : String(value)];
    }),
  ) as User;

// --- PostgreSQL -----------------------------------------------------------------------------------------------------

export const createSql = `CREATE TABLE IF NOT EXISTS ${table} (
${fields
  .map(({ name, kind, nullable }) => {
    const constraint = name === "id" ? " PRIMARY KEY" : nullable ? "" : " NOT NULL";
    return `  ${quoted(name)} ${sqlTypes[kind]}${constraint}`;
  })
  .join(",\n")}
);`;

/**
 * Upserts many users in one statement: one array for each column (`columnArrays`). A row that is as new as the user or
 * newer stays as it is, so that running a task again changes nothing.
 */
export const upsertSql = `INSERT INTO ${table} (${columns.map(quoted).join(", ")})
SELECT * FROM unnest(${fields.map(({ kind }, index) => `$${index + 1}::${sqlTypes[kind]}[]`).join(", ")})
ON CONFLICT (id) DO UPDATE SET
${columns
  .filter((name) => name !== "id")
  .map((name) => `  ${quoted(name)} = excluded.${quoted(name)}`)
  .join(",\n")}
WHERE ${table}."timestamp" < excluded."timestamp"`;

/** Users as one array for each column, the parameters of `upsertSql`. No id may occur twice. */
export const columnArrays = (users: readonly User[]) => columns.map((name) => users.map((user) => user[name]));

function quoted(name: string) {
  return name === "timestamp" ? `"${name}"` : name;
}

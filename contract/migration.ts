import { table } from "./entity.ts";
import type { Field } from "./fields.ts";
import { cqlTypes, createCql, createSql, deletedTable, indexes, quoted, sqlTypes } from "./tables.ts";
import { fields } from "./user.ts";

/** A column as its database describes it. */
export interface Column {
  name: string;
  /** In the database's own words, such as `timestamp with time zone`. */
  type: string;
  notNull?: boolean;
  hasDefault?: boolean;
}

/** Something that a database lacks, and the statement that adds it. */
export interface Step {
  what: string;
  statement: string;
}

/** A difference that adding cannot settle, and what to do about it. */
export interface Refusal {
  what: string;
  why: string;
}

/** What brings a table up to date with the contract. */
export interface Plan {
  steps: Step[];
  refused: Refusal[];
  /** The columns that are not in the contract: a newer version's, or somebody's own. */
  unknown: string[];
}

/** The order in which programs of a new contract are rolled out, so that no program meets a table or record too new. */
export const rollOutOrder = [
  "the tables: the command `migrate` of the new version",
  "the consumer, then the API; old and new ones may run side by side",
  "the tasks, and the Spark job if you run it",
] as const;

export const rollOutText = [
  "Roll out in this order:",
  ...rollOutOrder.map((step, index) => `  ${index + 1}. ${step}`),
].join("\n");

const nullable = fields.filter((field) => field.nullable);

// --- Cassandra ------------------------------------------------------------------------------------------------------

export interface CassandraState {
  hasKeyspace: boolean;
  /** Empty if there is no table. */
  columns: readonly Column[];
  indexes: readonly string[];
}

const addCql = (keyspace: string, { name, kind }: Field) =>
  `ALTER TABLE ${keyspace}.${table} ADD IF NOT EXISTS ${name} ${cqlTypes[kind]};`;

/** The statements that bring a table of an earlier contract up to date; on one that is, they change nothing. */
export const updateCql = (keyspace: string) => nullable.map((field) => addCql(keyspace, field));

/** Plans what brings Cassandra up to date. Pure. */
export function planCassandra(
  state: CassandraState,
  {
    keyspace,
    localDataCenter,
    replicationFactor,
  }: Record<"keyspace" | "localDataCenter", string> & {
    replicationFactor: number;
  },
): Plan {
  const [createKeyspace, createTable, ...createIndexes] = createCql(keyspace, localDataCenter, replicationFactor);
  const plan = compare(state.columns, {
    table: `${keyspace}.${table}`,
    typeOf: ({ kind }) => cqlTypes[kind],
    add: (field) => addCql(keyspace, field),
    changeType: () => "Cassandra cannot change a column's type",
  });
  const steps: Step[] = [];
  if (!state.hasKeyspace) steps.push({ what: `keyspace ${keyspace}`, statement: createKeyspace });
  if (state.columns.length === 0) steps.push({ what: `table ${table}`, statement: createTable });
  steps.push(...plan.steps);
  for (const [at, statement] of createIndexes.entries()) {
    const name = indexes[at]?.name ?? "";
    if (!state.indexes.includes(name)) steps.push({ what: `index ${name}`, statement });
  }
  return { ...plan, steps };
}

// --- PostgreSQL -----------------------------------------------------------------------------------------------------

export interface PostgresState {
  /** Empty if there is no table. */
  columns: readonly Column[];
  /** Whether deletions are tracked. */
  isTracked: boolean;
}

/** The columns of the table, one row each; none if there is no table. */
export const columnsSql = `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS "notNull",
  atthasdef OR attidentity <> '' AS "hasDefault"
FROM pg_attribute WHERE attrelid = to_regclass('${table}') AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;

/** Whether deletions are tracked: returns one row if so. */
export const isTrackedSql = `SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('${table}')
AND tgname = '${deletedTable}' AND to_regclass('${deletedTable}') IS NOT NULL`;

/** Who holds a lock on the table, one row each. */
export const lockedBySql = `SELECT DISTINCT pid, application_name AS name, xact_start AS since
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE relation = to_regclass('${table}') AND granted AND pid <> pg_backend_pid()`;

const addSql = ({ name, kind }: Field) => `ADD COLUMN IF NOT EXISTS ${quoted(name)} ${sqlTypes[kind]}`;

/**
 * The statement that brings a table of an earlier contract up to date; on one that is, it changes nothing. It locks the
 * table for a moment either way, so programs compare first (`planPostgres`).
 */
export const updateSql =
  nullable.length === 0 ? "" : `ALTER TABLE ${table}\n${nullable.map((field) => `  ${addSql(field)}`).join(",\n")};`;

/** Plans what brings PostgreSQL up to date. Pure. */
export function planPostgres({ columns, isTracked }: PostgresState): Plan {
  const plan = compare(columns, {
    table,
    typeOf: ({ kind }) => (sqlTypes[kind] === "timestamptz" ? "timestamp with time zone" : sqlTypes[kind]),
    add: (field) => `ALTER TABLE ${table} ${addSql(field)};`,
    changeType: (name, type) => `\`ALTER TABLE ${table} ALTER COLUMN ${quoted(name)} TYPE ${type} USING …\``,
  });
  const refuse = (name: string, why: string) => plan.refused.push({ what: `column ${name}`, why });
  const drop = (name: string) => `\`ALTER TABLE ${table} ALTER COLUMN ${name} DROP NOT NULL\``;
  for (const { name, notNull, hasDefault } of columns) {
    if (!notNull) continue;
    const field = fields.find((each) => each.name === name);
    if (field?.nullable)
      refuse(name, `${table}.${name} is NOT NULL, and the contract allows null; allow it: ${drop(quoted(name))}`);
    else if (!field && !hasDefault)
      refuse(
        name,
        `${table}.${name} is NOT NULL without a default and is not in the contract, so no row can be inserted; ` +
          `allow null: ${drop(name)}`,
      );
  }
  if (columns.length === 0) plan.steps = [{ what: `table ${table}`, statement: createSql }];
  else if (!isTracked) plan.steps.unshift({ what: `tracking of deletions in ${deletedTable}`, statement: createSql });
  return plan;
}

interface Dialect {
  table: string;
  typeOf: (field: Field) => string;
  add: (field: Field) => string;
  /** How to change a column's type. */
  changeType: (name: string, type: string) => string;
}

/** Compares a table's columns with the contract's; of a table without columns, nothing is said. */
function compare(columns: readonly Column[], dialect: Dialect): Plan {
  const plan: Plan = { steps: [], refused: [], unknown: [] };
  if (columns.length === 0) return plan;
  const refuse = (name: string, why: string) => plan.refused.push({ what: `column ${name}`, why });
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  for (const field of fields) {
    const { name } = field;
    const [type, wanted] = [types.get(name), dialect.typeOf(field)];
    if (type === undefined && field.nullable)
      plan.steps.push({ what: `column ${name} ${wanted}`, statement: dialect.add(field) });
    else if (type === undefined)
      refuse(
        name,
        `${dialect.table} has no column ${name} ${wanted}, and a required one cannot be added to existing rows; ` +
          "make the field nullable in contract/user.ts",
      );
    else if (type !== wanted)
      refuse(
        name,
        `${dialect.table}.${name} is ${type}, and the contract has ${wanted}; keep the type in contract/user.ts and ` +
          `add a field with another name, or change the table by hand: ${dialect.changeType(name, wanted)}`,
      );
  }
  const known = new Set<string>(fields.map(({ name }) => name));
  plan.unknown = columns.map(({ name }) => name).filter((name) => !known.has(name));
  return plan;
}

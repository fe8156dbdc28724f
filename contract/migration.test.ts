import { expect, test } from "bun:test";
import { idField, table } from "./entity.ts";
import { type Column, planCassandra, planPostgres } from "./migration.ts";
import { cqlTypes, deletedTable, indexes, quoted, sqlTypes } from "./tables.ts";
import { fields } from "./user.ts";

const cluster = { keyspace: "ks", localDataCenter: "dc", replicationFactor: 1 };
const inCassandra: Column[] = fields.map(({ name, kind }) => ({ name, type: cqlTypes[kind] }));
const inPostgres: Column[] = fields.map(({ name, kind, nullable }) => ({
  name,
  type: kind === "timestamp" ? "timestamp with time zone" : sqlTypes[kind],
  notNull: !nullable,
}));
const optional = fields.filter(({ nullable }) => nullable);
const required = fields.find(({ name, nullable }) => !nullable && name !== idField)!;

const indexNames = indexes.map(({ name }) => name);

const without = (columns: Column[], ...names: string[]) => columns.filter(({ name }) => !names.includes(name));
const changed = (columns: Column[], name: string, change: Partial<Column>) =>
  columns.map((column) => (column.name === name ? { ...column, ...change } : column));
const cassandra = (columns: Column[]) => planCassandra({ hasKeyspace: true, columns, indexes: indexNames }, cluster);
const postgres = (columns: Column[], isTracked = true) => planPostgres({ columns, isTracked });
const nothing = { steps: [], refused: [], unknown: [] };
const whatOf = ({ steps }: { steps: { what: string }[] }) => steps.map(({ what }) => what);

test("a table that has everything needs nothing", () => {
  expect(cassandra(inCassandra)).toEqual(nothing);
  expect(postgres(inPostgres)).toEqual(nothing);
});

test("what is missing is created, in an order that can be executed", () => {
  const all = planCassandra({ hasKeyspace: false, columns: [], indexes: [] }, cluster);
  expect(whatOf(all)).toEqual([...["keyspace ks", `table ${table}`], ...indexNames.map((name) => `index ${name}`)]);
  expect(whatOf(postgres([], false))).toEqual([`table ${table}`]);
  expect(whatOf(postgres(inPostgres, false))).toEqual([`tracking of deletions in ${deletedTable}`]);
});

test("missing nullable columns are added, in the order of the contract", () => {
  const names = optional.map(({ name }) => name);
  expect(cassandra(without(inCassandra, ...names)).steps).toEqual(
    optional.map(({ name, kind }) => ({
      what: `column ${name} ${cqlTypes[kind]}`,
      statement: `ALTER TABLE ks.${table} ADD IF NOT EXISTS ${name} ${cqlTypes[kind]};`,
    })),
  );
  expect(postgres(without(inPostgres, ...names)).steps.map(({ statement }) => statement)).toEqual(
    optional.map(
      ({ name, kind }) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${quoted(name)} ${sqlTypes[kind]};`,
    ),
  );
});

test("a missing required column, another type and NOT NULL are refused with what to do", () => {
  const { name, kind } = required;
  const reasons = ({ refused }: { refused: { why: string }[] }) => refused.map(({ why }) => why);
  expect(reasons(cassandra(without(inCassandra, name)))).toEqual([
    `ks.${table} has no column ${name} ${cqlTypes[kind]}, and a required one cannot be added to existing rows; make the field nullable in contract/user.ts`,
  ]);
  expect(reasons(cassandra(changed(inCassandra, name, { type: "blob" })))).toEqual([
    `ks.${table}.${name} is blob, and the contract has ${cqlTypes[kind]}; keep the type in contract/user.ts and add a field with another name, or change the table by hand: Cassandra cannot change a column's type`,
  ]);
  expect(reasons(postgres(changed(inPostgres, name, { type: "bytea" })))[0]).toStartWith(
    `${table}.${name} is bytea, and the contract has `,
  );
  for (const field of optional)
    expect(reasons(postgres(changed(inPostgres, field.name, { notNull: true })))[0]).toContain(
      `\`ALTER TABLE ${table} ALTER COLUMN ${quoted(field.name)} DROP NOT NULL\``,
    );
  expect(reasons(postgres([...inPostgres, { name: "nick", type: "text", notNull: true }]))[0]).toContain(
    `${table}.nick is NOT NULL without a default and is not in the contract`,
  );
});

test("columns that are not in the contract are named and stop nothing", () => {
  expect(cassandra([...inCassandra, { name: "nick", type: "text" }])).toEqual({ ...nothing, unknown: ["nick"] });
  const withDefault = { name: "nick", type: "text", notNull: true, hasDefault: true };
  expect(postgres([...inPostgres, withDefault])).toEqual({ ...nothing, unknown: ["nick"] });
});

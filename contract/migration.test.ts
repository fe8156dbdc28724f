import { expect, test } from "bun:test";
import { type Column, planCassandra, planPostgres } from "./migration.ts";
import { changeable } from "./samples.ts";
import { cqlTypes, indexName, sqlTypes } from "./tables.ts";
import { fields } from "./user.ts";

const { text, optional, time } = changeable;
const cluster = { keyspace: "ks", localDataCenter: "dc", replicationFactor: 1 };
const inCassandra: Column[] = fields.map(({ name, kind }) => ({ name, type: cqlTypes[kind] }));
const inPostgres: Column[] = fields.map(({ name, kind, nullable }) => ({
  name,
  type: kind === "timestamp" ? "timestamp with time zone" : sqlTypes[kind],
  notNull: !nullable,
}));
const without = (columns: Column[], ...names: string[]) => columns.filter(({ name }) => !names.includes(name));
const changed = (columns: Column[], name: string, change: Partial<Column>) =>
  columns.map((column) => (column.name === name ? { ...column, ...change } : column));
const cassandra = (columns: Column[]) => planCassandra({ hasKeyspace: true, columns, indexes: [indexName] }, cluster);
const postgres = (columns: Column[], isTracked = true) => planPostgres({ columns, isTracked });
const nothing = { steps: [], refused: [], unknown: [] };

test("a table that has everything needs nothing", () => {
  expect(cassandra(inCassandra)).toEqual(nothing);
  expect(postgres(inPostgres)).toEqual(nothing);
});

test("what is missing is created, in an order that can be executed", () => {
  const all = planCassandra({ hasKeyspace: false, columns: [], indexes: [] }, cluster);
  expect(all.steps.map(({ what }) => what)).toEqual(["keyspace ks", "table created_users", `index ${indexName}`]);
  expect(postgres([], false).steps.map(({ what }) => what)).toEqual(["table created_users"]);
  expect(postgres(inPostgres, false).steps.map(({ what }) => what)).toEqual([
    "tracking of deletions in created_users_deleted",
  ]);
});

test("missing nullable columns are added, in the order of the contract", () => {
  expect(cassandra(without(inCassandra, time, optional)).steps).toEqual([
    { what: `column ${optional} text`, statement: `ALTER TABLE ks.created_users ADD IF NOT EXISTS ${optional} text;` },
    {
      what: `column ${time} timestamp`,
      statement: `ALTER TABLE ks.created_users ADD IF NOT EXISTS ${time} timestamp;`,
    },
  ]);
  expect(postgres(without(inPostgres, time)).steps).toEqual([
    {
      what: `column ${time} timestamp with time zone`,
      statement: `ALTER TABLE created_users ADD COLUMN IF NOT EXISTS ${time} timestamptz;`,
    },
  ]);
});

test("a missing required column, another type and NOT NULL are refused with what to do", () => {
  expect(cassandra(without(inCassandra, text)).refused.map(({ why }) => why)).toEqual([
    `ks.created_users has no column ${text} text, and a required one cannot be added to existing rows; make the field nullable in contract/user.ts`,
  ]);
  expect(cassandra(changed(inCassandra, time, { type: "text" })).refused.map(({ why }) => why)).toEqual([
    `ks.created_users.${time} is text, and the contract has timestamp; keep the type in contract/user.ts and add a field with another name, or change the table by hand: Cassandra cannot change a column's type`,
  ]);
  expect(postgres(changed(inPostgres, time, { type: "text" })).refused[0]?.why).toContain(
    `created_users.${time} is text, and the contract has timestamp with time zone`,
  );
  expect(postgres(changed(inPostgres, optional, { notNull: true })).refused[0]?.why).toContain(
    `\`ALTER TABLE created_users ALTER COLUMN ${optional} DROP NOT NULL\``,
  );
  expect(postgres([...inPostgres, { name: "nick", type: "text", notNull: true }]).refused[0]?.why).toContain(
    "created_users.nick is NOT NULL without a default and is not in the contract",
  );
});

test("columns that are not in the contract are named and stop nothing", () => {
  expect(cassandra([...inCassandra, { name: "nick", type: "text" }])).toEqual({ ...nothing, unknown: ["nick"] });
  const withDefault = { name: "nick", type: "text", notNull: true, hasDefault: true };
  expect(postgres([...inPostgres, withDefault])).toEqual({ ...nothing, unknown: ["nick"] });
});

import { expect, test } from "bun:test";
import { clockFindings, type Offset } from "./clocks.ts";

const ahead = (seconds: number, answeredInSeconds = 0): Offset => ({
  atLeast: (seconds - answeredInSeconds) * 1_000,
  atMost: (seconds + answeredInSeconds) * 1_000,
});
const said = (clocks: Record<string, Offset>) =>
  clockFindings(
    Object.entries(clocks).map(([of, offset]) => ({ of, offset })),
    300_000,
  ).map(({ severity, about, cause }) => `${severity} ${about}: ${cause.split(";")[0]}`);

test("a clock is wrong from two seconds on, ahead or behind", () => {
  expect(said({ PostgreSQL: ahead(1.9), Cassandra: ahead(-1.9), Airflow: ahead(0) })).toEqual([]);
  expect(said({ PostgreSQL: ahead(12), Cassandra: ahead(-151), Airflow: ahead(0) })).toEqual([
    "warning PostgreSQL: its clock is 12.0 s ahead of this machine's",
    "error Cassandra: its clock is 151.0 s behind this machine's",
  ]);
});

test("a slow answer is not a wrong clock", () => {
  expect(said({ PostgreSQL: ahead(5, 4), Cassandra: ahead(0) })).toEqual([]);
});

test("if every clock differs the same way, it is this machine's that is wrong", () => {
  expect(said({ PostgreSQL: ahead(30), Cassandra: ahead(30.2), Airflow: ahead(31) })).toEqual([
    "warning this machine: its clock is 30.0 s behind that of every service",
  ]);
  expect(said({ PostgreSQL: ahead(30), Cassandra: ahead(-30) })).toHaveLength(2);
  expect(said({ PostgreSQL: ahead(30) })).toEqual(["warning PostgreSQL: its clock is 30.0 s ahead of this machine's"]);
});

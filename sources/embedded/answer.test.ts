import { expect, test } from "bun:test";
import { nationalities, randomuser } from "../randomuser.ts";
import { randomuserPeople } from "../samples.ts";
import { answer } from "./answer.ts";
import type { Person } from "./people.ts";

const now = new Date("2026-01-15T06:00:00.000Z");
const request = (query: Record<string, string>, time = now) => {
  const { status, body } = answer(new URLSearchParams(query), time);
  return { status, ...(JSON.parse(body) as { results: Person[]; info?: Record<string, unknown>; error?: string }) };
};
const idsOf = (query: Record<string, string>) => request(query).results.map(({ login }) => login.uuid);
const shapeOf = (value: unknown): unknown =>
  value !== null && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, shapeOf(child)]))
    : null;

test("its people have exactly randomuser's fields, in the same order", () => {
  expect(JSON.stringify(shapeOf(request({}).results[0]))).toBe(JSON.stringify(shapeOf(randomuserPeople[0])));
});

test("5,000 people of all 21 nationalities have 5,000 ids, and all match the source's schema", () => {
  const { results, info } = request({ results: "5000", seed: "all" });
  expect(info).toEqual({ seed: "all", results: 5000, page: 1, version: "1.4" });
  expect(new Set(results.map(({ login }) => login.uuid)).size).toBe(5_000);
  expect([...new Set(results.map(({ nat }) => nat))].sort()).toEqual(nationalities);
  expect(results.filter((person) => !randomuser.record.safeParse(person).success)).toEqual([]);
});

test("postcodes are numbers and strings, national ids are strings and nulls, and names are in several scripts", () => {
  const { results } = request({ results: "500", seed: "variety" });
  const typesOf = (values: unknown[]) =>
    [...new Set(values.map((value) => (value === null ? "null" : typeof value)))].sort();
  expect(typesOf(results.map(({ location }) => location.postcode))).toEqual(["number", "string"]);
  expect(typesOf(results.map(({ id }) => id.value))).toEqual(["null", "string"]);
  const namesOf = (nat: string) => results.filter((person) => person.nat === nat).map(({ name }) => name.first);
  expect(namesOf("IR").every((name) => /^[\p{Script=Arabic}\s\u200c]+$/u.test(name))).toBe(true);
  expect(namesOf("UA").every((name) => /^[\p{Script=Cyrillic}'’ʼ-]+$/u.test(name))).toBe(true);
});

test("a seed gives the same users at any time, and a shorter list is a prefix of a longer one", () => {
  const later = new Date("2031-01-15T06:00:00.000Z");
  const many = request({ results: "50", seed: "run" }).results;
  expect(request({ results: "50", seed: "run" }).results).toEqual(many);
  expect(idsOf({ results: "5", seed: "run" })).toEqual(many.slice(0, 5).map(({ login }) => login.uuid));
  const born = (people: Person[]) => people.map(({ dob, registered }) => [dob.date, registered.date]);
  expect(born(request({ results: "50", seed: "run" }, later).results)).toEqual(born(many));
});

test("another seed or page, or no seed, gives other users", () => {
  const queries: Record<string, string>[] = [{ seed: "a" }, { seed: "b" }, { seed: "a", page: "2" }, {}, {}];
  const ids = queries.flatMap((query) => idsOf({ results: "20", ...query }));
  expect(new Set(ids).size).toBe(100);
});

test("the nationalities are respected, and an unknown one makes it ignore all", () => {
  const natsOf = (nat: string) =>
    new Set(request({ results: "200", seed: "n", nat }).results.map((person) => person.nat));
  expect([...natsOf("us,GB")].sort()).toEqual(["GB", "US"]);
  expect(natsOf("us,xx").size).toBe(21);
});

test("gender is respected without a seed and ignored with one", () => {
  const gendersOf = (query: Record<string, string>) =>
    [...new Set(request({ results: "50", gender: "female", ...query }).results.map(({ gender }) => gender))].sort();
  expect(gendersOf({})).toEqual(["female"]);
  expect(gendersOf({ seed: "s" })).toEqual(["female", "male"]);
});

test("an invalid count becomes 1, as at randomuser", () => {
  for (const results of ["0", "-1", "5001", "many", ""]) expect(idsOf({ results })).toHaveLength(1);
});

test("noinfo omits the info; inc and exc select fields", () => {
  expect(request({ noinfo: "" }).info).toBeUndefined();
  expect(Object.keys(request({ inc: "name,nat" }).results[0]!)).toEqual(["name", "nat"]);
  expect(request({ exc: "login" }).results[0]).not.toHaveProperty("login");
});

test("a seed of 18 characters contains a nationality, or fails as at randomuser", () => {
  expect(new Set(request({ results: "20", seed: "0123456789abcdef00" }).results.map(({ nat }) => nat))).toEqual(
    new Set(["AU"]),
  );
  expect(request({ seed: "run-of-18-letters!" })).toMatchObject({ status: 500, error: expect.any(String) });
});

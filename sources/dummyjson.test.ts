import { expect, test } from "bun:test";
import { configuredSource, resolveConfig } from "./config.ts";
import { dummyjson } from "./dummyjson.ts";
import { dummyjsonText } from "./samples.ts";

const [emily] = (JSON.parse(dummyjsonText) as { users: Record<string, unknown>[] }).users;
const parse = (change: Record<string, unknown>) => dummyjson.record.safeParse({ ...emily, ...change });
const idOf = (id: number) => dummyjson.toUser(parse({ id }).data).id;

test("an id is the UUIDv5 of `dummyjson:<number>`, equal to Python's uuid.uuid5 in the same namespace", () => {
  expect(idOf(1)).toBe("d3a58c62-1982-54a3-86b5-eeba347ebb68");
  expect(idOf(2)).not.toBe(idOf(1));
});

test("birthdays may have one-digit months and days, and must be valid dates", () => {
  const dobOf = (birthDate: string) => dummyjson.toUser(parse({ birthDate }).data).dob;
  expect(dobOf("1996-5-30")).toBe("1996-05-30T00:00:00.000Z");
  expect(dobOf("2000-02-29")).toBe("2000-02-29T00:00:00.000Z");
  expect(parse({ birthDate: "1999-2-29" }).success).toBe(false);
  expect(parse({ birthDate: "30.5.1996" }).success).toBe(false);
});

test("a request has the number of users and skips those of the previous pages", () => {
  const { requestFor } = configuredSource(resolveConfig("source: dummyjson", {}));
  const asked = { users: 30, page: 1, seed: "s", nationalities: [] };
  expect(requestFor(asked).url).toBe("https://dummyjson.com/users?limit=30&skip=0");
  expect(requestFor({ ...asked, page: 3 }).url).toBe("https://dummyjson.com/users?limit=30&skip=60");
});

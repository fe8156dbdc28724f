import { expect, test } from "bun:test";
import fc from "fast-check";
import { User } from "../contract/user.ts";
import { dummyjson } from "../sources/dummyjson.ts";
import { randomuser } from "../sources/randomuser.ts";
import {
  dummyjsonSecrets,
  dummyjsonText,
  type RandomuserPerson,
  randomuserPeople,
  randomuserSecrets,
  randomuserText,
} from "../sources/samples.ts";
import type { Source } from "../sources/source.ts";
import { readAnswer } from "./ask-source.ts";
import { formatLines } from "./format.ts";

const at = "2026-01-15T06:00:00.000Z";
const now = new Date("2026-02-03T04:05:06.789Z");

const rawOf = (source: Source, text: string) =>
  readAnswer(source, text, "https://source.test").records.map((record) => ({
    source: source.name,
    version: source.version,
    record,
  }));
const linesOf = (...values: unknown[]) =>
  values.map((value, index) => ({
    number: index + 1,
    text: typeof value === "string" ? value : JSON.stringify(value),
  }));
const raw = rawOf(randomuser, randomuserText) as { source: string; version: string; record: RandomuserPerson }[];
const [rachel] = raw as [(typeof raw)[0]];
/** Rachel's record with changes; a field set to undefined is missing. */
const rachelWith = (change: Record<string, unknown>) => ({ ...rachel, record: { ...rachel.record, ...change } });
const format = (...values: unknown[]) => formatLines(linesOf(...values), at, now);
const userOf = (value: unknown) => {
  const { users, rejects } = format(value);
  expect(rejects).toEqual([]);
  return users[0]!;
};
const reasonOf = (value: unknown) => {
  const { users, rejects } = format(value);
  expect(users).toEqual([]);
  return rejects[0]!.reason;
};

test("a record of randomuser is mapped to a user of the contract", () => {
  expect(userOf(rachel)).toMatchObject({
    id: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8",
    first_name: "Rachel",
    last_name: "Kelley",
    gender: "female",
    email: "rachel.kelley@example.com",
    username: "beautifulfish935",
    phone: "021-892-1751",
    address: "857 Alexander Road, Limerick, Kilkenny, Ireland",
    post_code: "11174",
    dob: "1978-04-22T07:00:07.471Z",
    registered_date: "2019-08-19T08:16:27.068Z",
    picture: "https://randomuser.me/api/portraits/med/women/63.jpg",
    timestamp: "2026-01-15T06:00:00.000Z",
  });
});

test("a record of dummyjson is mapped to a user with a UUIDv5, a birthday at midnight and no registration date", () => {
  const [emily] = rawOf(dummyjson, dummyjsonText);
  expect(userOf(emily)).toMatchObject({
    id: "d3a58c62-1982-54a3-86b5-eeba347ebb68",
    first_name: "Emily",
    last_name: "Johnson",
    gender: "female",
    email: "emily.johnson@x.dummyjson.com",
    username: "emilys",
    phone: "+81 965-431-3024",
    address: "626 Main Street, Phoenix, Mississippi, United States",
    post_code: "29112",
    dob: "1996-05-30T00:00:00.000Z",
    registered_date: null,
    picture: "https://dummyjson.com/icon/emilys/128",
    timestamp: "2026-01-15T06:00:00.000Z",
  });
});

test("every sample record becomes a valid user with its own id", () => {
  for (const [source, text, count] of [
    [randomuser, randomuserText, 500],
    [dummyjson, dummyjsonText, 30],
  ] as const) {
    const { users, rejects } = format(...rawOf(source, text));
    expect(rejects).toEqual([]);
    expect(new Set(users.map(({ id }) => id)).size).toBe(count);
    for (const user of users) expect(User.parse(user)).toEqual(user);
  }
  expect(format(...raw).users.map(({ id }) => id)).toEqual(randomuserPeople.map(({ login }) => login.uuid));
});

test("a postcode is a string, whether the source has a number or a string", () => {
  const postcode = (value: unknown) =>
    userOf(rachelWith({ location: { ...rachel.record.location, postcode: value } })).post_code;
  expect(postcode(4260)).toBe("4260");
  expect(postcode("0260")).toBe("0260");
  expect(postcode("KA1 2BC")).toBe("KA1 2BC");
});

test("an address is `number street, city, state, country`, in any script", () => {
  const location = {
    street: { number: 3696, name: "استاد قریب" },
    city: "سبزوار",
    state: "هرمزگان",
    country: "Iran",
    postcode: 33892,
  };
  expect(userOf(rachelWith({ location })).address).toBe("3696 استاد قریب, سبزوار, هرمزگان, Iran");
});

test("an id is kept in lower case", () => {
  const login = { ...rachel.record.login, uuid: "C7A41086-06E3-4BFE-9C40-4E9DA2DF42C8" };
  expect(userOf(rachelWith({ login })).id).toBe("c7a41086-06e3-4bfe-9c40-4e9da2df42c8");
});

test("the timestamp is --at, the line's at, or now", () => {
  const lines = linesOf({ ...rachel, at: "2025-12-31T23:59:59.000Z" });
  expect(formatLines(lines, at, now).users[0]!.timestamp).toBe("2026-01-15T06:00:00.000Z");
  expect(formatLines(lines, undefined, now).users[0]!.timestamp).toBe("2025-12-31T23:59:59.000Z");
  expect(formatLines(linesOf(rachel), undefined, now).users[0]!.timestamp).toBe("2026-02-03T04:05:06.789Z");
});

test("an additional field of the record is left out", () => {
  expect(userOf(rachelWith({ favourite: "owl", login: { ...rachel.record.login, password: "disney1" } }))).toEqual(
    userOf(rachel),
  );
});

test.each([
  ["no JSON", "Rachel", "not JSON"],
  ["half a line", JSON.stringify(rachel).slice(0, -9), "not JSON"],
  ["no object", "42", "Invalid input: expected object, received number"],
  ["a record without its wrapping", rachel.record, "source: Invalid input: expected string, received undefined"],
  ["an unknown source", { ...rachel, source: "myspace" }, "source: unknown source"],
  ["another API version", { ...rachel, version: "1.3" }, "version: only version 1.4 of randomuser is supported"],
  [
    "a missing field",
    rachelWith({ email: undefined }),
    "record.email: Invalid input: expected string, received undefined",
  ],
  [
    "a missing inner field",
    rachelWith({ name: { first: "Rachel" } }),
    "record.name.last: Invalid input: expected string, received undefined",
  ],
  ["an id that is no UUID", rachelWith({ login: { uuid: "42", username: "owl" } }), "record.login.uuid: Invalid UUID"],
  ["a birthday that is no time", rachelWith({ dob: { date: "1978-04-22" } }), "record.dob.date: Invalid ISO datetime"],
  ["no record", { ...rachel, record: null }, "record: Invalid input: expected object, received null"],
])("%s is rejected with the reason", (_, value, reason) => {
  expect(reasonOf(value)).toBe(reason);
});

test("a record that matches the source's schema but not the contract is rejected with the user's field", () => {
  expect(reasonOf(rachelWith({ name: { first: "", last: "Kelley" } }))).toStartWith("first_name: ");
  expect(reasonOf(rachelWith({ email: "rachel.kelley" }))).toStartWith("email: ");
});

test("a reject names its line and keeps the original, without secrets", () => {
  const line = rachelWith({ email: "nobody", login: { ...rachel.record.login, password: "disney1" }, id: "6668006T" });
  const { rejects } = format(raw[1], line);
  expect(rejects).toEqual([
    { reason: expect.stringContaining("email: "), line: 2, original: rachelWith({ email: "nobody" }) },
  ]);
  expect(format('{"password": "disney1"').rejects[0]!.original).toEqual({ withheldCharacters: 22 });
  expect(JSON.stringify(format({ password: "disney1", record: { md5: "3f6a" } }).rejects)).not.toMatch(/disney1|3f6a/);
});

test("format writes no secret of a source, even if its input has all of them", () => {
  const everything = (JSON.parse(randomuserText) as { results: unknown[] }).results;
  const input = everything.map((record) => ({ source: "randomuser", version: "1.4", record }));
  const { users, rejects } = format(...input, ...input.map((line) => ({ ...line, version: "1.3" })));
  expect(users).toHaveLength(500);
  expect(rejects).toHaveLength(500);
  const text = JSON.stringify({ users, rejects });
  expect(randomuserSecrets.filter((secret) => text.includes(`"${secret}"`))).toEqual([]);
  expect(text).not.toMatch(/password|salt|md5|sha1|sha256/);

  const dummy = JSON.stringify(format(...rawOf(dummyjson, dummyjsonText)));
  expect(dummyjsonSecrets.filter((secret) => dummy.includes(secret))).toEqual([]);
});

test("every line becomes a user or a reject, and equal lines give equal results", () => {
  const line = fc.oneof(
    fc.constantFrom(...raw.slice(0, 20)).map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string(),
    fc
      .record({ source: fc.constant("randomuser"), version: fc.constant("1.4"), record: fc.jsonValue() })
      .map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 50 }), (texts) => {
      const result = format(...texts);
      expect(result.users.length + result.rejects.length).toBe(texts.length);
      expect(format(...texts)).toEqual(result);
    }),
  );
});

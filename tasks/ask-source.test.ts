import { expect, test } from "bun:test";
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
import { readAnswer } from "./ask-source.ts";

const url = "https://source.test/?results=500";
const answer = JSON.parse(randomuserText) as { results: RandomuserPerson[]; info: { version: string } };
const changed = (change: (copy: typeof answer) => void) => {
  const copy = structuredClone(answer);
  change(copy);
  return JSON.stringify(copy);
};
const faultOf = (text: string) => {
  try {
    readAnswer(randomuser, text, url);
  } catch (error) {
    return (error as Error).message;
  }
};

test("all 500 sample records of randomuser and all 30 of dummyjson match their schemas", () => {
  expect(readAnswer(randomuser, randomuserText, url)).toMatchObject({ records: { length: 500 }, rejects: [] });
  expect(readAnswer(dummyjson, dummyjsonText, url)).toMatchObject({ records: { length: 30 }, rejects: [] });
});

test("a record is reduced to the allow-list", () => {
  expect(readAnswer(randomuser, randomuserText, url).records[0]).toEqual({
    gender: "female",
    name: { first: "Rachel", last: "Kelley" },
    location: {
      street: { number: 857, name: "Alexander Road" },
      city: "Limerick",
      state: "Kilkenny",
      country: "Ireland",
      postcode: 11174,
    },
    email: "rachel.kelley@example.com",
    login: { uuid: "c7a41086-06e3-4bfe-9c40-4e9da2df42c8", username: "beautifulfish935" },
    dob: { date: "1978-04-22T07:00:07.471Z" },
    registered: { date: "2019-08-19T08:16:27.068Z" },
    phone: "021-892-1751",
    picture: { medium: "https://randomuser.me/api/portraits/med/women/63.jpg" },
  });
});

test("no password, salt, hash, national id, card or account is passed on, whether its record is valid or not", () => {
  const people = JSON.stringify(readAnswer(randomuser, randomuserText, url));
  expect(randomuserSecrets.filter((secret) => people.includes(`"${secret}"`))).toEqual([]);
  expect(people).not.toMatch(/password|salt|md5|sha1|sha256/);
  const others = JSON.stringify(readAnswer(dummyjson, dummyjsonText, url));
  expect(dummyjsonSecrets.filter((secret) => others.includes(secret))).toEqual([]);

  const broken = changed(({ results }) => {
    for (const result of results.slice(1)) Object.assign(result, { email: null });
  });
  const { rejects } = readAnswer(randomuser, broken, url);
  expect(rejects).toHaveLength(499);
  const rejected = JSON.stringify(rejects);
  expect(randomuserSecrets.filter((secret) => rejected.includes(`"${secret}"`))).toEqual([]);
  expect(rejected).not.toMatch(/password|salt|md5|sha1|sha256/);
});

test("an invalid record is rejected with its path, and the others are passed on", () => {
  const text = changed(({ results }) => {
    results[3]!.login.uuid = "no-uuid";
  });
  const { records, rejects } = readAnswer(randomuser, text, url);
  expect(records).toHaveLength(499);
  expect(rejects).toHaveLength(1);
  expect(rejects[0]!.reason).toBe("results[3].login.uuid: Invalid UUID");
  expect(rejects[0]!.original).toMatchObject({
    name: { first: "Freddie", last: "Dean" },
    login: { uuid: "no-uuid", username: randomuserPeople[3]!.login.username },
  });
});

test("users of a nationality that was not requested are rejected, and all others accepted", () => {
  const asked = (...nationalities: string[]) => readAnswer(randomuser, randomuserText, url, { page: 1, nationalities });
  const all = new Set(answer.results.map(({ nat }) => nat.toLowerCase()));
  expect(all.size).toBeGreaterThan(5);
  expect(asked(...all).records).toHaveLength(500);
  expect(() => asked("ie")).toThrow(/results\[\d+\]\.nat: [A-Z]{2} was not requested, only ie/);
});

test("a field that the source adds is ignored", () => {
  const text = changed(({ results }) => {
    Object.assign(results[0]!, { favourite: "owl" });
    Object.assign(results[0]!.location, { planet: "Earth" });
  });
  expect(readAnswer(randomuser, text, url)).toEqual(readAnswer(randomuser, randomuserText, url));
});

test.each([
  ["text that is not JSON", "<html>", "the body is not JSON"],
  ["an error", '{"error":"Uh oh"}', 'results: Invalid input: expected array, received undefined; its error is "Uh oh"'],
  [
    "another API version",
    changed(({ info }) => void Object.assign(info, { version: "1.3" })),
    'info.version: Invalid input: expected "1.4"',
  ],
  ["no info", JSON.stringify({ results: [] }), "info: Invalid input: expected object, received undefined"],
  ["no users", JSON.stringify({ results: [], info: answer.info }), "results: no users"],
  ["no object", "null", "Invalid input: expected object, received null"],
])("%s is rejected with the path of the first invalid field and the URL", (_, text, fault) => {
  expect(faultOf(text)).toBe(`the response of randomuser does not match its API: ${fault} (${url})`);
});

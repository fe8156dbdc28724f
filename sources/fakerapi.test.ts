import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lastLine, openTasks } from "../test/support/tasks.ts";
import { configuredSource, resolveConfig } from "./config.ts";

const text = readFileSync(join(import.meta.dir, "samples/fakerapi-persons.json"), "utf8");
type Person = Record<string, unknown>;
const persons = () => (JSON.parse(text) as { data: Person[] }).data;

/** Answers every request with the persons that the path names. */
const asked: string[] = [];
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch({ url }) {
    const { pathname, search } = new URL(url);
    asked.push(search);
    let data = persons();
    if (pathname === "/reversed") data = data.reverse().map((person, index) => ({ ...person, id: index + 1 }));
    if (pathname === "/invalid") {
      delete data[0]!.email;
      data[1]!.birthday = "1999-02-29";
      data[2]!.email = "";
    }
    return pathname === "/persons" ? new Response(text) : Response.json({ status: "OK", data });
  },
});
afterAll(() => server.stop(true));

const { path, run } = openTasks();
const linesOf = (jsonLines: string) =>
  jsonLines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The users that `fetch` and `format` make of the API's answer, with `source: fakerapi` in config.yaml. */
async function usersOf(endpoint: string) {
  writeFileSync(path("config.yaml"), `source: fakerapi\nfakerapi: { url: "${server.url.origin}/${endpoint}" }\n`);
  const raw = await run("fetch --users 12 --seed run-1 --at 2026-01-15T06:00:00Z");
  const users = await run("format", { stdin: raw.stdout });
  return {
    raw,
    users: linesOf(users.stdout),
    counts: [lastLine(raw.stderr), lastLine(users.stderr)],
    log: users.stderr,
  };
}

test("the sample's twelve persons become users, reduced to what the contract needs", async () => {
  const { raw, users, counts } = await usersOf("persons");
  expect(counts).toMatchObject([
    { read: 12, written: 12, rejected: 0, source: "fakerapi", asked: 12 },
    { read: 12, written: 12, rejected: 0 },
  ]);
  expect(users[0]).toMatchObject({
    id: "233d6236-494e-51c8-a052-e86d034d34a5",
    first_name: "Monty",
    last_name: "Torphy",
    gender: "male",
    email: "person1@example.org",
    username: "person1@example.org",
    phone: "+122971807228",
    address: "3868 Harbour Street, Port Ida, Sierra Leone",
    post_code: "21809",
    dob: "1980-08-05T00:00:00.000Z",
    registered_date: null,
    picture: "http://placeimg.com/640/480/people",
    timestamp: "2026-01-15T06:00:00.000Z",
  });
  expect(raw.stdout).not.toMatch(/website|latitude|longitude/);
});

test("an id is the UUIDv5 of the person, equal to Python's uuid.uuid5, whatever its place in the response", async () => {
  const { users } = await usersOf("persons");
  expect(users[2]).toMatchObject({ first_name: "Dáithí", id: "ed2566ab-0d5c-5e9e-a09d-55c700b7e9da" });
  expect(new Set(users.map(({ id }) => id)).size).toBe(12);
  const { users: reversed } = await usersOf("reversed");
  expect(reversed.reverse()).toEqual(users);
});

test("persons without what the contract needs are rejected with the reason, and the others are passed on", async () => {
  const { raw, users, counts, log } = await usersOf("invalid");
  expect(raw.stderr).toContain("data[0].email: Invalid input: expected string, received undefined");
  expect(raw.stderr).toContain("data[1].birthday: Invalid ISO date");
  expect(log).toContain("email: must be an e-mail address");
  expect(counts).toMatchObject([
    { read: 12, written: 10, rejected: 2 },
    { read: 10, written: 9, rejected: 1 },
  ]);
  expect(users.map(({ email }) => email)).toEqual(
    persons()
      .slice(3)
      .map(({ email }) => email as string),
  );
});

test("a seed is sent as a number: the same for the same run, another one for each page", async () => {
  const { requestFor } = configuredSource(resolveConfig("source: fakerapi", {}));
  const request = { users: 60, page: 1, seed: "run-1", nationalities: [] };
  expect(requestFor(request).url).toBe("https://fakerapi.it/api/v2/persons?_quantity=60&_seed=711764195");
  expect(requestFor({ ...request, page: 2 }).url).toEndWith("_quantity=60&_seed=2480158348");
  asked.length = 0;
  await usersOf("persons");
  expect(asked).toEqual(["?_quantity=12&_seed=711764195"]);
});

test("more persons than the API gives at once, and nationalities, are refused", async () => {
  writeFileSync(path("config.yaml"), "source: fakerapi\n");
  const tooMany = await run("fetch --users 1001");
  expect([tooMany.code, tooMany.stderr]).toEqual([2, expect.stringContaining("fakerapi returns at most 1000 users")]);
  const french = await run("fetch --nationalities fr");
  expect([french.code, french.stderr]).toEqual([2, expect.stringContaining("fakerapi does not support fr")]);
});

/** Searching, listing and counting users through the API, on a real table. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { errors, types } from "cassandra-driver";
import { validUsers } from "../contract/samples.ts";
import type { User } from "../contract/user.ts";
import { countUsers } from "../operations/users/count.ts";
import { cursorOf, pageStateOf } from "../operations/users/cursor.ts";
import type { Query } from "../operations/users/query.ts";
import { type Answer, newcomer, openApp } from "./support/app.ts";
import { readRows } from "./support/cassandra.ts";

const { config, keyspace, database, ask, walk, writeDirectly, isReady, close } = openApp(import.meta.path);

beforeAll(async () => void (await isReady()));
afterAll(close);

describe("searching", () => {
  test("a first name is found in any case and any script, however its accents are encoded", async () => {
    const zoë = newcomer({ first_name: "Zo\u00eb" });
    const зоя = newcomer({ first_name: "Зоя" });
    await Promise.all([ask("POST", "/add-user", zoë), ask("POST", "/add-user", зоя)]);
    const idsOf = async (name: string) =>
      (await ask("GET", `/search-user?first_name=${encodeURIComponent(name)}`)).body.users.map(({ id }: User) => id);
    expect(await idsOf("ZO\u00cb")).toEqual([zoë.id]);
    expect(await idsOf("zoe\u0308")).toEqual([zoë.id]);
    expect(await idsOf("зОЯ")).toEqual([зоя.id]);
    expect(await idsOf("Zo")).toEqual([]);
  });

  test("a user is found by last name, e-mail and username too, in any case, and by several at once", async () => {
    const [one, other] = ["tuulikki.saari@example.com", "t.saari@example.com"].map((email, index) =>
      newcomer({ first_name: "Tuulikki", last_name: "Säari", email, username: `Tuuli.${index}` }),
    );
    await Promise.all([one, other].map((user) => ask("POST", "/add-user", user)));
    const idsOf = async (query: Record<string, string>) =>
      (await ask("GET", `/search-user?${new URLSearchParams(query)}`)).body.users.map(({ id }: User) => id).sort();
    const both = [one!.id, other!.id].sort();
    expect(await idsOf({ last_name: "SÄARI" })).toEqual(both);
    expect(await idsOf({ email: "T.Saari@Example.com" })).toEqual([other!.id]);
    expect(await idsOf({ username: "tuuli.0" })).toEqual([one!.id]);
    expect(await idsOf({ first_name: "tuulikki", last_name: "säari" })).toEqual(both);
    expect(await idsOf({ first_name: "tuulikki", email: other!.email, username: other!.username })).toEqual([
      other!.id,
    ]);
    expect(await idsOf({ first_name: "tuulikki", username: "quietheron12" })).toEqual([]);
    expect((await walk("/search-user?first_name=TUULIKKI&last_name=säari&limit=1")).sort()).toEqual(both);
  });

  test("a changed first name is found, and the previous one is not", async () => {
    const user = newcomer({ first_name: "Formerly" });
    await ask("POST", "/add-user", user);
    await ask("PUT", `/update-user/${user.id}`, { first_name: "Nowadays" });
    expect((await ask("GET", "/search-user?first_name=formerly")).body.users).toEqual([]);
    expect((await ask("GET", "/search-user?first_name=nowadays")).body.users).toHaveLength(1);
  });

  test("many users with the same name are returned page by page, each once", async () => {
    const users = Array.from({ length: 25 }, () => newcomer({ first_name: "Twentyfive" }));
    await Promise.all(users.map((user) => ask("POST", "/add-user", user)));
    const ids = await walk("/search-user?first_name=TWENTYFIVE&limit=10");
    expect(ids.sort()).toEqual(users.map(({ id }) => id).sort());
  });
});

describe("listing", () => {
  test("the pages contain every row once, and the count is exact", async () => {
    const users = Array.from({ length: 3_000 }, () => ({ ...validUsers[0]!, id: crypto.randomUUID() }));
    for (let i = 0; i < users.length; i += 100)
      await Promise.all(users.slice(i, i + 100).map((user) => writeDirectly(user, Date.parse(user.timestamp))));
    const rows = await readRows(config);
    expect(rows.size).toBeGreaterThanOrEqual(3_000);
    expect((await walk("/users?limit=500")).sort()).toEqual([...rows.keys()].sort());
    expect((await ask("GET", "/count")).body).toEqual({ count: rows.size });
  });

  test("what Cassandra cannot count in one go is counted in parts, and so is everything else of its size", async () => {
    const { readTimeout, readFailure } = types.responseErrorCodes;
    let failures = 0;
    const widest = 2n ** 64n / 300n;
    const slow: Query = async (cql, parameters, options) => {
      const [after, upTo] = parameters.map((token) => BigInt(String(token))) as [bigint, bigint];
      if (upTo - after > widest) throw new errors.ResponseError(failures++ % 2 ? readTimeout : readFailure, "too slow");
      return database.query(cql, parameters, options);
    };
    expect(await countUsers(slow, keyspace)).toBe((await readRows(config)).size);
    expect(failures).toBeWithin(4, 17);
  });

  test("a range that cannot be counted at all is an error", async () => {
    const { readFailure } = types.responseErrorCodes;
    let failures = 0;
    const broken: Query = async () => {
      failures++;
      throw new errors.ResponseError(readFailure, "the file is damaged");
    };
    await expect(countUsers(broken, keyspace)).rejects.toThrow("the file is damaged");
    expect(failures).toBeLessThan(50);
  });

  test("a user added before a count is in it, even during other counts", async () => {
    const { count } = (await ask("GET", "/count")).body;
    const others = [ask("GET", "/count"), ask("GET", "/count")];
    await ask("POST", "/add-user", newcomer());
    expect((await ask("GET", "/count")).body).toEqual({ count: count + 1 });
    await Promise.all(others);
  });

  test("the first five are the first five of the list", async () => {
    const { users } = (await ask("GET", "/users?limit=5")).body;
    expect((await ask("GET", "/first-five")).body).toEqual({ users });
    expect(users).toHaveLength(5);
  });

  test("Link leads from page to page, and back to the first", async () => {
    const names = ["Ó 'Link', <one>", "Ó 'Link', <one>", "Ó 'Link', <one>"];
    await Promise.all(names.map((first_name) => ask("POST", "/add-user", newcomer({ first_name }))));
    const query = new URLSearchParams({ first_name: names[0]!, limit: "1" });
    for (const path of ["/users?limit=400", `/search-user?${query}`, "/users"]) {
      const ids = [];
      let next: string | undefined = path;
      while (next !== undefined) {
        const { body, headers }: Answer = await ask("GET", next);
        ids.push(...body.users.map(({ id }: User) => id));
        const links = new Map(
          [...headers.get("Link")!.matchAll(/<([^>]*)>; rel="(\w+)"(?:, |$)/g)].map(([, to, rel]) => [rel, to]),
        );
        expect(links.get("first")).toBe(path);
        next = links.get("next");
      }
      expect(ids.sort()).toEqual((await walk(path.includes("?") ? path : `${path}?limit=500`)).sort());
    }
  });

  test("a cursor with any page state gives a page or 400", async () => {
    const query = "users";
    await Promise.all([newcomer(), newcomer(), newcomer()].map((user) => ask("POST", "/add-user", user)));
    const firstCursor = (await ask("GET", "/users?limit=1")).body.cursor;
    const states = Array.from({ length: 300 }, (_, seed) => {
      const state = Buffer.from(pageStateOf(query, firstCursor)!, "hex");
      // One byte changed, truncated, or entirely random.
      if (seed % 3 === 0) state[seed % state.length]! ^= 1 + (seed % 255);
      if (seed % 3 === 1) return state.subarray(0, seed % state.length);
      return seed % 3 === 2 ? Buffer.from(crypto.getRandomValues(new Uint8Array(seed % 60))) : state;
    });
    // Cassandra parses these, and then the replicas or the coordinator fail to read from their positions.
    for (const state of [
      "27a999473ee246e67796195053e1fa52a39cddeef4cf1e794d9c88926cdc87e323edcfbdb8064f660037b998",
      "0028a89a82d1bbd74aa4db30b98037bc48046c5eb9834859a59ce714dd44367fb025e8d1e71227669ed5e5a5228f61",
    ])
      states.push(Buffer.from(state, "hex"));
    const refused = [];
    for (const state of states.map((bytes) => bytes.toString("hex"))) {
      const { status } = await ask("GET", `/users?limit=2&cursor=${cursorOf(query, state) ?? ""}`);
      if (status !== 200 && status !== 400) refused.push({ state, status });
    }
    expect(refused).toEqual([]);
  });

  test("a cursor works only for its own query", async () => {
    const { cursor } = (await ask("GET", "/users?limit=1")).body;
    expect((await ask("GET", `/users?limit=7&cursor=${cursor}`)).status).toBe(200);
    const answer = await ask("GET", `/search-user?first_name=Nadia&cursor=${cursor}`);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([
      { field: "cursor", detail: "not a cursor of this query; start again without one" },
    ]);
  });
});

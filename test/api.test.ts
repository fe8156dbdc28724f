/** What the API does with users, on a real table. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { types } from "cassandra-driver";
import { cursorOf, pageStateOf } from "../api/users/cursor.ts";
import { validUsers } from "../contract/samples.ts";
import { deleteCql, rowOf, upsertCql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { type Answer, newcomer, openApp } from "./support/app.ts";
import { readRows, readWriteTimes } from "./support/cassandra.ts";

const { config, keyspace, client, ask, isReady, close } = openApp(import.meta.path);

setDefaultTimeout(60_000);

beforeAll(async () => void (await isReady()));
afterAll(close);

const without = <K extends keyof User>(user: User, key: K): Omit<User, K> => {
  const { [key]: _, ...rest } = user;
  return rest;
};

/** Writes a row past the API, as the consumer would: at a time of its own. */
const writePast = (user: User, timeMs: number) =>
  client.execute(upsertCql(keyspace), [...rowOf(user), types.Long.fromNumber(timeMs * 1_000)]);

const fourMinutesAhead = () => Date.now() + 4 * 60_000;

describe("adding", () => {
  test("a user that was added is where Location says, with null for what was left out", async () => {
    const startedAt = new Date().toISOString();
    const user = newcomer({ phone: "021-892-1751", dob: "1978-04-22T07:00:07Z" });
    const added = await ask("POST", "/add-user", user);
    expect(added.status).toBe(201);
    expect(added.headers.get("Location")).toBe(`/get-user/${user.id}`);
    expect(added.body).toEqual({
      id: user.id,
      first_name: "Nadia",
      last_name: "Haddad",
      gender: null,
      email: "nadia.haddad@example.com",
      username: "quietheron12",
      phone: "021-892-1751",
      address: null,
      post_code: null,
      dob: "1978-04-22T07:00:07.000Z",
      registered_date: null,
      picture: null,
      timestamp: expect.any(String),
    });
    expect(added.body.timestamp >= startedAt && added.body.timestamp <= new Date().toISOString()).toBe(true);

    const found = await ask("GET", added.headers.get("Location")!);
    expect(found.status).toBe(200);
    expect(found.body).toEqual(added.body);
  });

  test("every user of the contract's samples is read as it was added, save the time", async () => {
    for (const sample of validUsers) {
      const { status } = await ask("POST", "/add-user", without(sample, "timestamp"));
      expect(status).toBe(201);
      const { body } = await ask("GET", `/get-user/${sample.id}`);
      expect(body).toEqual({ ...sample, timestamp: body.timestamp });
    }
  });

  test("a user without an id gets one of its own", async () => {
    const first = await ask("POST", "/add-user", { ...newcomer(), id: undefined });
    const second = await ask("POST", "/add-user", { ...newcomer(), id: undefined });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body.id).not.toBe(second.body.id);
    expect((await ask("GET", `/get-user/${second.body.id}`)).body).toEqual(second.body);
  });

  test("an id that exists is refused, and its row stays", async () => {
    const user = newcomer();
    const added = await ask("POST", "/add-user", user);
    const again = await ask("POST", "/add-user", { ...user, first_name: "Impostor" });
    expect(again.status).toBe(409);
    expect((await ask("GET", `/get-user/${user.id}`)).body).toEqual(added.body);
  });

  test("of ten who add one id at once, one succeeds", async () => {
    const user = newcomer();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask("POST", "/add-user", user)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
  });

  test("201 is never said of a user that a deletion dated ahead hides", async () => {
    const user = newcomer();
    await client.execute(deleteCql(keyspace), [types.Long.fromNumber(fourMinutesAhead() * 1_000), user.id]);
    expect((await ask("POST", "/add-user", user)).status).toBe(409);
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
  });
});

describe("changing", () => {
  test("the fields that are given change, the others stay, and the newest time is the row's", async () => {
    const user = newcomer({ phone: "021-892-1751", gender: "female" });
    const added = await ask("POST", "/add-user", user);
    const updated = await ask("PUT", `/update-user/${user.id}`, { email: "n@example.com", phone: null });
    expect(updated.status).toBe(200);
    expect(updated.body).toEqual({
      ...added.body,
      email: "n@example.com",
      phone: null,
      timestamp: updated.body.timestamp,
    });
    expect(updated.body.timestamp >= added.body.timestamp).toBe(true);
    expect((await ask("GET", `/get-user/${user.id}`)).body).toEqual(updated.body);
  });

  test("an update writes the whole row at one time, so that no older write shows through", async () => {
    const user = newcomer({ gender: "female" });
    await ask("POST", "/add-user", user);
    const before = (await readWriteTimes(config)).get(user.id)!;
    await ask("PUT", `/update-user/${user.id}`, { phone: "021-892-1751" });
    const after = (await readWriteTimes(config)).get(user.id)!;
    const times = new Set(Object.values(after).filter((time) => time !== null));
    expect(times.size).toBe(1);
    expect(BigInt([...times][0]!)).toBeGreaterThan(BigInt(before.email!));
    expect(after.gender).toBe(after.email!);
  });

  test("a row that was written ahead of the clock can be changed and deleted", async () => {
    const ahead = fourMinutesAhead();
    const user = { ...validUsers[1]!, id: crypto.randomUUID(), timestamp: new Date(ahead).toISOString() };
    await writePast(user, ahead);
    const updated = await ask("PUT", `/update-user/${user.id}`, { phone: "112" });
    expect(updated.body).toEqual({ ...user, phone: "112" });
    expect((await ask("GET", `/get-user/${user.id}`)).body).toEqual(updated.body);
    expect((await ask("DELETE", `/delete-user/${user.id}`)).status).toBe(204);
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
  });

  test("an older write that arrives later does not undo an edit or a deletion", async () => {
    const user = { ...validUsers[0]!, id: crypto.randomUUID() };
    await writePast(user, Date.parse(user.timestamp));
    const edited = await ask("PUT", `/update-user/${user.id}`, { phone: "112" });
    await writePast(user, Date.parse(user.timestamp));
    expect((await ask("GET", `/get-user/${user.id}`)).body).toEqual(edited.body);
    await ask("DELETE", `/delete-user/${user.id}`);
    await writePast(user, Date.parse(user.timestamp));
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
  });

  test("edits of different fields at once all survive", async () => {
    const user = newcomer();
    await ask("POST", "/add-user", user);
    const picture = "https://example.com/5.jpg";
    const changes = [{ phone: "1" }, { gender: "female" }, { address: "3" }, { post_code: "4" }, { picture }];
    const answers = await Promise.all(changes.map((change) => ask("PUT", `/update-user/${user.id}`, change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const { body } = await ask("GET", `/get-user/${user.id}`);
    expect(body).toMatchObject({ phone: "1", gender: "female", address: "3", post_code: "4", picture });
  });

  test("a hundred edits in a row end with the last", async () => {
    const user = newcomer();
    await ask("POST", "/add-user", user);
    for (let edit = 1; edit <= 100; edit++) await ask("PUT", `/update-user/${user.id}`, { phone: String(edit) });
    expect((await ask("GET", `/get-user/${user.id}`)).body.phone).toBe("100");
  });

  test("there is nothing to change where there is no user", async () => {
    const { id } = newcomer();
    expect((await ask("PUT", `/update-user/${id}`, { phone: "1" })).status).toBe(404);
    expect((await ask("GET", `/get-user/${id}`)).status).toBe(404);
  });
});

describe("deleting", () => {
  test("a deleted user is gone, cannot be deleted again, and can be added again", async () => {
    const user = newcomer();
    await ask("POST", "/add-user", user);
    const deleted = await ask("DELETE", `/delete-user/${user.id}`);
    expect([deleted.status, deleted.body]).toEqual([204, ""]);
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
    expect((await ask("DELETE", `/delete-user/${user.id}`)).status).toBe(404);
    expect((await ask("POST", "/add-user", user)).status).toBe(201);
  });

  test("an id in capitals is the same user", async () => {
    const user = newcomer();
    await ask("POST", "/add-user", { ...user, id: user.id.toUpperCase() });
    expect((await ask("GET", `/get-user/${user.id.toUpperCase()}`)).body.id).toBe(user.id);
    expect((await ask("DELETE", `/delete-user/${user.id.toUpperCase()}`)).status).toBe(204);
  });
});

describe("a row that the contract would refuse today", () => {
  const rows = [
    { ...validUsers[0]!, id: "00000000-0000-0000-0000-000000000000" },
    { ...validUsers[0]!, id: "c7a41086-06e3-0bfe-1c40-4e9da2df42c8" },
    { ...validUsers[0]!, id: "ffffffff-ffff-ffff-ffff-ffffffffffff", first_name: " ", picture: "javascript:alert(1)" },
  ];
  for (const row of rows)
    test(`${row.id} is listed, read, changed and deleted like any other`, async () => {
      await writePast(row, Date.parse(row.timestamp));
      expect(await walk("/users?limit=500")).toContain(row.id);
      expect((await ask("GET", `/get-user/${row.id.toUpperCase()}`)).body).toEqual(row);
      const changed = await ask("PUT", `/update-user/${row.id}`, { phone: "112" });
      expect(changed.body).toEqual({ ...row, phone: "112", timestamp: expect.any(String) });
      expect((await ask("DELETE", `/delete-user/${row.id}`)).status).toBe(204);
      expect(await walk("/users?limit=500")).not.toContain(row.id);
    });
});

describe("searching", () => {
  test("a first name is found in any case, in any script, however its accents are encoded", async () => {
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

  test("a changed first name is found, and the former is not", async () => {
    const user = newcomer({ first_name: "Formerly" });
    await ask("POST", "/add-user", user);
    await ask("PUT", `/update-user/${user.id}`, { first_name: "Nowadays" });
    expect((await ask("GET", "/search-user?first_name=formerly")).body.users).toEqual([]);
    expect((await ask("GET", "/search-user?first_name=nowadays")).body.users).toHaveLength(1);
  });

  test("many of one name come page by page, each once", async () => {
    const users = Array.from({ length: 25 }, () => newcomer({ first_name: "Twentyfive" }));
    await Promise.all(users.map((user) => ask("POST", "/add-user", user)));
    const ids = await walk("/search-user?first_name=TWENTYFIVE&limit=10");
    expect(ids.sort()).toEqual(users.map(({ id }) => id).sort());
  });
});

describe("listing", () => {
  test("the pages hold every row once, and count says how many", async () => {
    const users = Array.from({ length: 3_000 }, () => ({ ...validUsers[0]!, id: crypto.randomUUID() }));
    for (let i = 0; i < users.length; i += 250)
      await Promise.all(users.slice(i, i + 250).map((user) => writePast(user, Date.parse(user.timestamp))));
    const rows = await readRows(config);
    expect(rows.size).toBeGreaterThanOrEqual(3_000);
    expect((await walk("/users?limit=500")).sort()).toEqual([...rows.keys()].sort());
    expect((await ask("GET", "/count")).body).toEqual({ count: rows.size });
  });

  test("a user that was added before the question is in the count, whoever else is counting", async () => {
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

  test("whatever page state a cursor carries, it gives a page or 400", async () => {
    const query = "users";
    await Promise.all([newcomer(), newcomer(), newcomer()].map((user) => ask("POST", "/add-user", user)));
    const firstCursor = (await ask("GET", "/users?limit=1")).body.cursor;
    const states = Array.from({ length: 300 }, (_, seed) => {
      const state = Buffer.from(pageStateOf(query, firstCursor)!, "hex");
      // One byte changed, cut off, or random altogether.
      if (seed % 3 === 0) state[seed % state.length]! ^= 1 + (seed % 255);
      if (seed % 3 === 1) return state.subarray(0, seed % state.length);
      return seed % 3 === 2 ? Buffer.from(crypto.getRandomValues(new Uint8Array(seed % 60))) : state;
    });
    const refused = [];
    for (const state of states.map((bytes) => bytes.toString("hex"))) {
      const { status } = await ask("GET", `/users?limit=2&cursor=${cursorOf(query, state) ?? ""}`);
      if (status !== 200 && status !== 400) refused.push({ state, status });
    }
    expect(refused).toEqual([]);
  });

  test("a cursor opens no other query than its own", async () => {
    const { cursor } = (await ask("GET", "/users?limit=1")).body;
    expect((await ask("GET", `/users?limit=7&cursor=${cursor}`)).status).toBe(200);
    const answer = await ask("GET", `/search-user?first_name=Nadia&cursor=${cursor}`);
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([
      { field: "cursor", detail: "not a cursor of this query; start again without one" },
    ]);
  });
});

/** The ids on all pages of a query. */
async function walk(path: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body }: Answer = await ask("GET", cursor ? `${path}&cursor=${cursor}` : path);
    ids.push(...body.users.map(({ id }: User) => id));
    cursor = body.cursor;
  }
  return ids;
}

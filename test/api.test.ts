/** Adding, changing and deleting users through the API, on a real table. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { types } from "cassandra-driver";
import { validUsers } from "../contract/samples.ts";
import { deleteCql } from "../contract/tables.ts";
import type { User } from "../contract/user.ts";
import { newcomer, openApp } from "./support/app.ts";
import { readWriteTimes } from "./support/cassandra.ts";

const { config, keyspace, client, ask, walk, writeDirectly, isReady, close } = openApp(import.meta.path);

beforeAll(async () => void (await isReady()));
afterAll(close);

const without = <K extends keyof User>(user: User, key: K): Omit<User, K> => {
  const { [key]: _, ...rest } = user;
  return rest;
};

const fourMinutesAhead = () => Date.now() + 4 * 60_000;

describe("adding", () => {
  test("an added user is at its Location, with null for omitted fields", async () => {
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

  test("every sample user of the contract is read as it was added, except for the time", async () => {
    for (const sample of validUsers) {
      const { status } = await ask("POST", "/add-user", without(sample, "timestamp"));
      expect(status).toBe(201);
      const { body } = await ask("GET", `/get-user/${sample.id}`);
      expect(body).toEqual({ ...sample, timestamp: body.timestamp });
    }
  });

  test("a user without an id gets a unique one", async () => {
    const first = await ask("POST", "/add-user", { ...newcomer(), id: undefined });
    const second = await ask("POST", "/add-user", { ...newcomer(), id: undefined });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body.id).not.toBe(second.body.id);
    expect((await ask("GET", `/get-user/${second.body.id}`)).body).toEqual(second.body);
  });

  test("adding an existing id is refused and leaves its row unchanged", async () => {
    const user = newcomer();
    const added = await ask("POST", "/add-user", user);
    const again = await ask("POST", "/add-user", { ...user, first_name: "Impostor" });
    expect(again.status).toBe(409);
    expect((await ask("GET", `/get-user/${user.id}`)).body).toEqual(added.body);
  });

  test("of ten concurrent requests that add the same id, one succeeds", async () => {
    const user = newcomer();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask("POST", "/add-user", user)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
  });

  test("a user hidden by a deletion with a later time is never answered with 201", async () => {
    const user = newcomer();
    await client.execute(deleteCql(keyspace), [types.Long.fromNumber(fourMinutesAhead() * 1_000), user.id]);
    expect((await ask("POST", "/add-user", user)).status).toBe(409);
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
  });
});

describe("changing", () => {
  test("given fields change, omitted fields keep their values, and the timestamp is the update's", async () => {
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

  test("an update writes the whole row at one time, so no older write shows through", async () => {
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

  test("a row whose write time is ahead of the clock can be changed and deleted", async () => {
    const ahead = fourMinutesAhead();
    const user = { ...validUsers[1]!, id: crypto.randomUUID(), timestamp: new Date(ahead).toISOString() };
    await writeDirectly(user, ahead);
    const updated = await ask("PUT", `/update-user/${user.id}`, { phone: "112" });
    expect(updated.body).toEqual({ ...user, phone: "112" });
    expect((await ask("GET", `/get-user/${user.id}`)).body).toEqual(updated.body);
    expect((await ask("DELETE", `/delete-user/${user.id}`)).status).toBe(204);
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
  });

  test("an older write that arrives late undoes neither an edit nor a deletion", async () => {
    const user = { ...validUsers[0]!, id: crypto.randomUUID() };
    await writeDirectly(user, Date.parse(user.timestamp));
    const edited = await ask("PUT", `/update-user/${user.id}`, { phone: "112" });
    await writeDirectly(user, Date.parse(user.timestamp));
    expect((await ask("GET", `/get-user/${user.id}`)).body).toEqual(edited.body);
    await ask("DELETE", `/delete-user/${user.id}`);
    await writeDirectly(user, Date.parse(user.timestamp));
    expect((await ask("GET", `/get-user/${user.id}`)).status).toBe(404);
  });

  test("concurrent edits of different fields all survive", async () => {
    const user = newcomer();
    await ask("POST", "/add-user", user);
    const picture = "https://example.com/5.jpg";
    const changes = [{ phone: "1" }, { gender: "female" }, { address: "3" }, { post_code: "4" }, { picture }];
    const answers = await Promise.all(changes.map((change) => ask("PUT", `/update-user/${user.id}`, change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const { body } = await ask("GET", `/get-user/${user.id}`);
    expect(body).toMatchObject({ phone: "1", gender: "female", address: "3", post_code: "4", picture });
  });

  test("after a hundred edits in sequence the last one is stored", async () => {
    const user = newcomer();
    await ask("POST", "/add-user", user);
    for (let edit = 1; edit <= 100; edit++) await ask("PUT", `/update-user/${user.id}`, { phone: String(edit) });
    expect((await ask("GET", `/get-user/${user.id}`)).body.phone).toBe("100");
  });

  test("updating a user that does not exist is 404 and creates nothing", async () => {
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

  test("an id in upper case is the same user", async () => {
    const user = newcomer();
    await ask("POST", "/add-user", { ...user, id: user.id.toUpperCase() });
    expect((await ask("GET", `/get-user/${user.id.toUpperCase()}`)).body.id).toBe(user.id);
    expect((await ask("DELETE", `/delete-user/${user.id.toUpperCase()}`)).status).toBe(204);
  });
});

describe("a row that violates today's contract", () => {
  const rows = [
    { ...validUsers[0]!, id: "00000000-0000-0000-0000-000000000000" },
    { ...validUsers[0]!, id: "c7a41086-06e3-0bfe-1c40-4e9da2df42c8" },
    { ...validUsers[0]!, id: "ffffffff-ffff-ffff-ffff-ffffffffffff", first_name: " ", picture: "javascript:alert(1)" },
  ];
  for (const row of rows)
    test(`${row.id} is listed, read, changed and deleted like any other`, async () => {
      await writeDirectly(row, Date.parse(row.timestamp));
      expect(await walk("/users?limit=500")).toContain(row.id);
      expect((await ask("GET", `/get-user/${row.id.toUpperCase()}`)).body).toEqual(row);
      const changed = await ask("PUT", `/update-user/${row.id}`, { phone: "112" });
      expect(changed.body).toEqual({ ...row, phone: "112", timestamp: expect.any(String) });
      expect((await ask("DELETE", `/delete-user/${row.id}`)).status).toBe(204);
      expect(await walk("/users?limit=500")).not.toContain(row.id);
    });
});

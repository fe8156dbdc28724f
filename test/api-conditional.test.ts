/** Conditional requests on a user: ETag, If-Match and If-None-Match, and PATCH beside PUT, on a real table. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createApp } from "../api/app.ts";
import { userStore } from "../api/users/store.ts";
import { validUsers } from "../contract/samples.ts";
import { openLog } from "../runtime/log.ts";
import { type Answer, newcomer, openApp } from "./support/app.ts";

const { app, database, keyspace, request, ask, writeDirectly, isReady, close } = openApp(import.meta.path);

beforeAll(async () => void (await isReady()));
afterAll(close);

const etagOf = ({ headers }: Answer) => headers.get("ETag")!;
const ifMatch = (tag: string) => ({ "If-Match": tag });
const update = (id: string, changes: object, headers: object = {}, method = "PUT", to = app) =>
  ask(method, `/update-user/${id}`, changes, to, headers);
const remove = (id: string, headers: object = {}) => ask("DELETE", `/delete-user/${id}`, undefined, app, headers);
const get = (id: string, headers: object = {}) => ask("GET", `/get-user/${id}`, undefined, app, headers);

async function added(changes = {}) {
  const answer = await ask("POST", "/add-user", newcomer(changes));
  expect(answer.status).toBe(201);
  return { id: answer.body.id as string, tag: etagOf(answer) };
}

test("a write answers with the ETag that the next read has, and each write has another one", async () => {
  const { id, tag } = await added({ last_name: "Ó Ceallaigh 🦉" });
  expect(tag).toMatch(/^"[\w-]{16}"$/);
  expect(etagOf(await get(id))).toBe(tag);
  const changed = await update(id, { phone: "1" });
  const changedBack = await update(id, { phone: null }, {}, "PATCH");
  expect(etagOf(await get(id))).toBe(etagOf(changedBack));
  expect(new Set([tag, etagOf(changed), etagOf(changedBack)]).size).toBe(3);
});

test("a write of the consumer, and one of two in the same microsecond, changes the ETag", async () => {
  const user = { ...validUsers[0]!, id: crypto.randomUUID() as string };
  const at = Date.parse(user.timestamp);
  await writeDirectly(user, at);
  const tags = [etagOf(await get(user.id))];
  await writeDirectly(user, at); // the same write again
  expect(etagOf(await get(user.id))).toBe(tags[0]!);
  await writeDirectly({ ...user, last_name: `${user.last_name}z` }, at);
  tags.push(etagOf(await get(user.id)));
  await writeDirectly(user, at + 1);
  tags.push(etagOf(await get(user.id)));
  expect(new Set(tags).size).toBe(3);
});

test("If-None-Match with the current ETag is 304 without a body, and any other is 200", async () => {
  const { id, tag } = await added();
  for (const header of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
    const known = await get(id, { "If-None-Match": header });
    expect([known.status, known.body, etagOf(known)]).toEqual([304, "", tag]);
    expect(known.headers.get("Cache-Control")).toBe("no-store");
  }
  const head = await request(`/get-user/${id}`, { method: "HEAD", headers: { "If-None-Match": tag } });
  expect([head.status, head.headers.get("Content-Length")]).toEqual([304, null]);
  await update(id, { phone: "1" });
  expect((await get(id, { "If-None-Match": tag })).status).toBe(200);
});

test("a write with an ETag that is not the current one is 412 and changes nothing", async () => {
  const { id, tag } = await added();
  const current = etagOf(await update(id, { phone: "1" }));
  for (const header of [tag, `W/${current}`, '"other"']) {
    expect((await update(id, { phone: "2" }, ifMatch(header))).status).toBe(412);
    expect((await update(id, { phone: "2" }, ifMatch(header), "PATCH")).status).toBe(412);
    expect((await remove(id, ifMatch(header))).status).toBe(412);
  }
  expect(etagOf(await get(id))).toBe(current);
  expect((await update(id, { phone: "2" }, ifMatch("*"))).status).toBe(200);
  const { status, headers } = await update(id, { phone: "3" }, ifMatch(`"other" , ${etagOf(await get(id))}`));
  expect(status).toBe(200);
  expect((await remove(id, ifMatch(headers.get("ETag")!))).status).toBe(204);
});

test("a condition comes after what would be refused without it", async () => {
  const { id, tag } = await added();
  const malformed = await update(id, { phone: "2" }, ifMatch(tag.replaceAll('"', "")));
  expect([malformed.status, malformed.body.errors[0].field]).toEqual([400, "if-match"]);
  expect((await get(id, { "If-None-Match": "unquoted" })).status).toBe(400);
  expect((await update(id, { email: "nobody" }, ifMatch('"other"'))).status).toBe(422);
  expect((await update(newcomer().id, { phone: "2" }, ifMatch(tag))).status).toBe(404);
  expect((await remove(newcomer().id, ifMatch("*"))).status).toBe(404);
});

test("of many writers that have seen the same user, exactly one succeeds, round after round", async () => {
  const { id, tag } = await added();
  let seen = tag;
  for (let round = 1; round <= 10; round++) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, writer) =>
        update(id, { phone: `${round}/${writer}` }, ifMatch(seen), writer % 2 === 0 ? "PUT" : "PATCH"),
      ),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(412)]);
    expect((await get(id)).body).toEqual(won[0]!.body);
    seen = etagOf(won[0]!);
  }
  const answers = await Promise.all(Array.from({ length: 20 }, () => remove(id, ifMatch(seen))));
  expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(19).fill(404)]);
});

test("another process between the check and the write goes unnoticed, and one before the check is noticed", async () => {
  const log = openLog("api", "error");
  const { id, tag } = await added();
  const [checked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const query: typeof database.query = async (cql, parameters, options) => {
    if (cql.startsWith("INSERT")) {
      checked.resolve();
      await goOn.promise;
    }
    return database.query(cql, parameters, options);
  };
  const other = createApp({ users: userStore({ ...database, query }, keyspace, { log }), log });
  const late = update(id, { phone: "late" }, ifMatch(tag), "PUT", other);
  await checked.promise;
  expect((await update(id, { phone: "unnoticed" }, ifMatch(tag))).status).toBe(200);
  goOn.resolve();
  expect((await late).status).toBe(200); // as the documentation says
  expect((await update(id, { phone: "noticed" }, ifMatch(tag), "PUT", other)).status).toBe(412);
});

test("a merge patch changes given fields, clears with null, and is refused for what PUT is refused for", async () => {
  const { id } = await added({ phone: "021-892-1751", gender: "female" });
  const path = `/update-user/${id}`;
  const patch = (body: unknown, type: string) => ask("PATCH", path, body, app, { "Content-Type": type });
  const merge = "application/merge-patch+json";
  const patched = await patch({ email: "n@example.com", phone: null }, merge);
  expect(patched.status).toBe(200);
  expect(patched.body).toMatchObject({ email: "n@example.com", phone: null, gender: "female" });
  expect((await get(id)).body).toEqual(patched.body);
  expect((await patch({ gender: null }, "Application/JSON; charset=utf-8")).body.gender).toBeNull();

  const refused: [body: unknown, type: string, status: number, field?: string][] = [
    [{ first_name: null }, merge, 422, "first_name"],
    [{ id: crypto.randomUUID() }, merge, 422, "id"],
    [{ password: "disney1" }, merge, 422, "password"],
    [{}, merge, 422, "(all)"],
    [[{ op: "remove", path: "/phone" }], merge, 422, "(all)"],
    ["{", merge, 400],
    [[{ op: "remove", path: "/phone" }], "application/json-patch+json", 415],
    ["phone=1", "application/x-www-form-urlencoded", 415],
  ];
  for (const [body, type, status, field] of refused) {
    const answer = await patch(body, type);
    expect([status, answer.body.errors?.[0]?.field]).toEqual([answer.status, field]);
    if (status === 415) expect(answer.headers.get("Accept-Patch")).toBe(`${merge}, application/json`);
  }
  expect((await update(id, { phone: "1" }, { "Content-Type": merge })).status).toBe(415);
  expect((await update(newcomer().id, { phone: "1" }, {}, "PATCH")).status).toBe(404);
});

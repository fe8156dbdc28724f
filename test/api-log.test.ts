/** Every accepted write of the API is a record of the topic of edits and a row, both with one write time. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { types } from "cassandra-driver";
import { createApp } from "../api/app.ts";
import { openDatabase } from "../api/database.ts";
import { openEditLog } from "../api/edits/edit-log.ts";
import { unavailable } from "../api/problem.ts";
import { userStore } from "../api/users/store.ts";
import { idField, table } from "../contract/entity.ts";
import { validUsers } from "../contract/samples.ts";
import { rowOf, upsertCql } from "../contract/tables.ts";
import { sumOf } from "../operations/prometheus.ts";
import { openCassandra } from "../runtime/cassandra.ts";
import { openLog } from "../runtime/log.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { type StartedApi, startApi } from "./support/api.ts";
import { dropKeyspace } from "./support/cassandra.ts";
import { readEdits, readTimedRows, type TimedRow, unequalIds } from "./support/edits.ts";
import { freePort } from "./support/free-port.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { openLink } from "./support/link.ts";
import { namesOf } from "./support/names.ts";

const token = "a-token-for-the-editors";
const rachels = "a-token-of-rachel-alone";
const { env, config, keyspace, editTopic, groupId, deadLetterTopic } = namesOf(import.meta.path);
const [host, port] = config.cassandra.contactPoints[0]!.split(":") as [string, string | undefined];

const started: StartedApi[] = [];
async function start(more: Record<string, string> = {}, program?: string) {
  const api = await startApi({ ...env, ...more }, program);
  started.push(api);
  return api;
}
afterEach(async () => {
  for (const api of started.splice(0)) {
    api.signal("SIGKILL");
    await api.exited;
  }
});
afterAll(() => dropKeyspace(config));

const nadia = { first_name: "Nadia", last_name: "Haddad", email: "nadia.haddad@example.com", username: "quietheron12" };

interface Request {
  method: "POST" | "PUT" | "DELETE";
  path: string;
  body?: object;
  requestId?: string;
}

const send = (
  { url }: Pick<StartedApi, "url">,
  { method, path, body, requestId = crypto.randomUUID() }: Request,
  bearer = token,
) =>
  fetch(url + path, {
    method,
    ...(body && { body: JSON.stringify(body) }),
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${bearer}`, "X-Request-Id": requestId },
  });
const add = (id: string, requestId?: string): Request => ({
  method: "POST",
  path: "/add-user",
  body: { id, ...nadia },
  requestId,
});
const update = (id: string, body: object, requestId?: string): Request => ({
  method: "PUT",
  path: `/update-user/${id}`,
  body,
  requestId,
});
const remove = (id: string, requestId?: string): Request => ({
  method: "DELETE",
  path: `/delete-user/${id}`,
  requestId,
});

const readiness = async ({ url }: StartedApi) => (await (await fetch(`${url}/readyz`)).json()) as object;
const acceptsWrites = (api: StartedApi) =>
  until("writes are accepted", async () => Bun.deepEquals(await readiness(api), { status: "ok", writes: "accepted" }), {
    everyMs: 20,
  });

/** Lets a consumer apply all edits. */
async function applyEdits() {
  const consumer = startConsumer({ env });
  await until("the consumer has applied the edits", async () => {
    if ((await consumer.status("/readyz")) !== 200) return false;
    return (await lagOf(config, groupId, editTopic)) === 0;
  });
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  expect(await readTopic(config, deadLetterTopic)).toEqual([]);
}

/** How many edits Kafka has acknowledged to an API. */
const loggedBy = async ({ url }: StartedApi) =>
  sumOf(await (await fetch(`${url}/metrics`)).text(), "api_edit_logged_seconds_count");

const sorted = (rows: Map<string, TimedRow>) => [...rows].sort(([one], [other]) => one.localeCompare(other));

test("an edit is a record equal to its row, with its author and request, and applying it changes nothing", async () => {
  const api = await start({ API_TOKEN: token, API_TOKENS: `zoryan:a-token-of-zoryan-alone,rachel:${rachels}` });
  await acceptsWrites(api);
  const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
  const answers = [
    await send(api, add(first, "adds-first")),
    await send(api, update(first, { phone: "021-892-1751" }, "updates-first")),
    await send(api, add(second, "adds-second")),
    await send(api, remove(second, "removes-second"), rachels),
    await send(api, add(first)), // exists
    await send(api, update(second, { phone: "1" })), // is gone
    await send(api, update(first, { email: "nobody" })), // invalid
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 201, 204, 409, 404, 422]);

  const edits = await readEdits(config);
  expect(edits.map(({ request_id, operation, id, author }) => [request_id, operation, id, author])).toEqual([
    ["adds-first", "upsert", first, "API_TOKEN"],
    ["updates-first", "upsert", first, "API_TOKEN"],
    ["adds-second", "upsert", second, "API_TOKEN"],
    ["removes-second", "delete", second, "rachel"],
  ]);
  expect(edits[1]!.user).toEqual((await answers[1]!.json()) as (typeof edits)[1]["user"]);
  const rows = await readTimedRows(config);
  expect(sorted(rows)).toEqual([[first, { row: edits[1]!.user!, times: [String(edits[1]!.write_time)] }]]);

  await applyEdits();
  expect(sorted(await readTimedRows(config))).toEqual(sorted(rows));
});

/** The API as it is deployed, which starts in half the time. */
async function compiledApi() {
  const binary = join(folder, "api");
  const main = join(import.meta.dir, "..", "api", "main.ts");
  await $`${process.execPath} build --compile --minify --bytecode --format=esm ${main} --outfile ${binary}`.quiet();
  return binary;
}
const folder = mkdtempSync(join(tmpdir(), "api-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("an API killed a hundred times under writes leaves each edit in the topic and the row, or in neither", async () => {
  const binary = await compiledApi();
  const kills = 100;
  const lanes = 4;
  const acknowledged: string[] = [];
  let left = kills;

  /** Adds, changes and deletes users until the API is gone. */
  async function edit(api: StartedApi, own: string[]) {
    try {
      while (true) {
        const id = crypto.randomUUID() as string;
        const requests = [add, (...of: [string, string]) => update(of[0], { phone: of[1] }, of[1]), remove];
        for (const request of requests.slice(0, 1 + Math.floor(Math.random() * 3))) {
          const requestId = crypto.randomUUID();
          if (!(await send(api, request(id, requestId))).ok) continue;
          own.push(requestId);
          acknowledged.push(requestId);
        }
      }
    } catch {
      // killed
    }
  }

  async function kill() {
    const link = await openLink(host, Number(port ?? 9042));
    const api = await start({ CASSANDRA_CONTACT_POINTS: `127.0.0.1:${link.port}` }, binary);
    await acceptsWrites(api);
    const own: string[] = [];
    const editing = Promise.all(Array.from({ length: 8 }, () => edit(api, own)));
    const wanted = 2 + Math.random() * 20;
    await until("edits are answered", () => own.length >= wanted, { everyMs: 1 });
    // From now on nothing reaches Cassandra: an edit that Kafka acknowledges, within 4 s, is caught between record and row.
    // What has reached it is still answered, so an edit whose answer stays away is not one whose row was just written.
    link.holdRequests();
    let probes = 0;
    const isCaught = async () => {
      probes = (await loggedBy(api)) > own.length ? probes + 1 : 0;
      return probes === 10;
    };
    await until("an edit is caught", isCaught, { withinMs: 5_000, everyMs: 1 }).catch(() => {}); // all were being read
    api.signal("SIGKILL");
    await api.exited;
    await editing;
    await link.cut();
  }

  async function lane() {
    try {
      while (left-- > 0) await kill();
    } finally {
      left = 0; // the others end too, before the next test
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
  expect(ended.flatMap((one) => (one.status === "rejected" ? [one.reason] : []))).toEqual([]);

  const edits = await readEdits(config);
  const logged = new Set(edits.map(({ request_id }) => request_id));
  expect(acknowledged.filter((id) => !logged.has(id))).toEqual([]);
  expect((await unequalIds(config)).length).toBeGreaterThanOrEqual(0.9 * kills);

  await applyEdits();
  expect(await unequalIds(config)).toEqual([]);
});

const noKafka = () => ({ KAFKA_BROKERS: `127.0.0.1:${freePort()}` });

test("while Kafka is unreachable, writes are 503 with Retry-After and change nothing, and reads go on", async () => {
  const [logged, without] = [await start(), await start(noKafka())];
  await acceptsWrites(logged);
  const id = crypto.randomUUID();
  const added = await (await send(logged, add(id))).json();
  const before = await readEdits(config);

  const refused = "Kafka or the Schema Registry is unavailable at the moment";
  await until("the API is ready for reads", async () =>
    Bun.deepEquals(await readiness(without), { status: "ok", writes: refused }),
  );
  const requests = [add(crypto.randomUUID()), update(id, { phone: "1" }), remove(id), remove(crypto.randomUUID())];
  for (const request of requests) {
    const answer = await send(without, request);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(((await answer.json()) as { detail: string }).detail).toBe(`${refused}; nothing was changed`);
  }
  expect(await (await fetch(`${without.url}/get-user/${id}`)).json()).toEqual(added);
  expect(await readEdits(config)).toEqual(before);
  expect(await unequalIds(config)).toEqual([]);

  without.signal("SIGTERM");
  expect(await without.exited).toBe(0);
});

test("an API that starts without the Schema Registry serves reads, and accepts writes once it is there", async () => {
  const { hostname, port: registryPort, pathname } = new URL(config.schemaRegistry.url);
  const link = await openLink(hostname, Number(registryPort));
  link.hold();
  const api = await start({ SCHEMA_REGISTRY_URL: `http://127.0.0.1:${link.port}${pathname}` });
  await until("reads work", async () => (await fetch(`${api.url}/count`)).ok);
  const id = crypto.randomUUID();
  expect((await send(api, add(id))).status).toBe(503);
  expect((await fetch(`${api.url}/readyz`)).status).toBe(503); // it is still connecting for the first time
  link.release();
  await acceptsWrites(api);
  expect((await send(api, add(id))).status).toBe(201);
  await link.cut();
});

test("with api.log false, writes need no Kafka and are in no topic", async () => {
  const api = await start({ API_LOG: "false", ...noKafka() });
  await acceptsWrites(api);
  const before = await readEdits(config);
  const id = crypto.randomUUID();
  const answers = [await send(api, add(id)), await send(api, update(id, { phone: "1" })), await send(api, remove(id))];
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 204]);
  expect(await readEdits(config)).toEqual(before);
});

describe("an API in this process", () => {
  const log = openLog("api", "fatal");
  const client = openCassandra(config, "api-log-test");
  const edits = openEditLog(config, log, { startTimer: () => () => 0 });
  const database = openDatabase(client, config, log);
  const stop = new AbortController();
  let kept: Promise<unknown>;
  beforeAll(async () => {
    kept = Promise.all([database.keepTable(stop.signal), edits.keepConnected(stop.signal)]);
    await until("the API is connected", async () => {
      await database.query(`SELECT ${idField} FROM ${keyspace}.${table}`, []);
      return edits.refusal() === undefined;
    });
  });
  afterAll(async () => {
    stop.abort();
    await kept;
    await edits.close();
    await client.shutdown();
  });

  const apiOn = (query = database.query, maxAheadMs = 300_000) => {
    const users = userStore({ ...database, query }, keyspace, { log, edits, maxAheadMs });
    const app = createApp({ users, log, edits });
    return ({ method, path, body }: Request, headers = {}) =>
      app.request(path, {
        method,
        ...(body && { body: JSON.stringify(body) }),
        headers: { "Content-Type": "application/json", Host: "localhost", ...headers },
      });
  };

  test("an edit whose row cannot be written is 202, and becomes a row when the consumer applies it", async () => {
    const ask = apiOn();
    const failing = apiOn((cql, parameters, options) =>
      /^(INSERT|DELETE)/.test(cql) ? Promise.reject(unavailable()) : database.query(cql, parameters, options),
    );
    const [changed, removed, added] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
    for (const id of [changed, removed]) expect((await ask(add(id))).status).toBe(201);
    const before = await readTimedRows(config);

    const answers = [
      await failing(add(added)),
      await failing(update(changed, { phone: "021-892-1751" })),
      await failing(remove(removed)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(answers[0]!.headers.get("Location")).toBe(`/get-user/${added}`);
    const [newUser, changedUser] = [await answers[0]!.json(), await answers[1]!.json()];
    expect(sorted(await readTimedRows(config))).toEqual(sorted(before));

    await applyEdits();
    const after = await readTimedRows(config);
    expect([after.get(added)?.row, after.get(changed)?.row, after.has(removed)]).toEqual([
      newUser as object,
      changedUser as object,
      false,
    ]);
    expect(await unequalIds(config)).toEqual([]);
  });

  test("an edit builds on one that is so far only in the log, and its If-Match takes it into account", async () => {
    let fails = false;
    const ask = apiOn((cql, parameters, options) =>
      fails && /^(INSERT|DELETE)/.test(cql) ? Promise.reject(unavailable()) : database.query(cql, parameters, options),
    );
    const [changed, removed] = [crypto.randomUUID(), crypto.randomUUID()];
    const ifMatch = { "If-Match": (await ask(add(changed))).headers.get("ETag")! };
    await ask(add(removed));

    fails = true;
    const racing = [1, 2, 3].map((phone) => ask(update(changed, { phone: String(phone) }), ifMatch));
    expect((await Promise.all(racing)).map(({ status }) => status).sort()).toEqual([202, 412, 412]);
    expect((await ask(remove(removed))).status).toBe(202);
    expect((await ask(update(removed, { phone: "1" }))).status).toBe(404);

    fails = false;
    const { phone } = (await readEdits(config)).findLast(({ id }) => id === changed)!.user!;
    expect(await (await ask(update(changed, { gender: "female" }))).json()).toMatchObject({ gender: "female", phone });
    expect((await ask(add(removed))).status).toBe(201);
    expect(await unequalIds(config)).toEqual([]);
  });

  test("a stored row that violates the contract has to be repaired by the edit, and can be deleted", async () => {
    const ask = apiOn();
    const row = { ...validUsers[0]!, id: crypto.randomUUID(), first_name: " ", picture: "javascript:alert(1)" };
    await client.execute(upsertCql(keyspace), [
      ...rowOf(row),
      types.Long.fromNumber(Date.parse(row.timestamp) * 1_000),
    ]);
    const refused = await ask(update(row.id, { first_name: "Nadia" }));
    expect(refused.status).toBe(422);
    expect(((await refused.json()) as { errors: { field: string }[] }).errors.map(({ field }) => field)).toEqual([
      "picture",
    ]);
    expect((await ask(update(row.id, { first_name: "Nadia", picture: null }))).status).toBe(200);
    expect((await ask(remove(row.id))).status).toBe(204);
    expect(await unequalIds(config)).toEqual([]);
  });

  test("a row too far ahead of the clock for the consumer cannot be edited", async () => {
    const id = crypto.randomUUID();
    expect((await apiOn()(add(id))).status).toBe(201);
    const before = await readEdits(config);
    const ask = apiOn(database.query, -1_000);
    for (const request of [update(id, { phone: "1" }), remove(id)]) expect((await ask(request)).status).toBe(409);
    expect(await readEdits(config)).toEqual(before);
  });
});

/**
 * A field of every kind is added to the contract of a copy of the project, which then runs on the real services: format,
 * backup, PostgreSQL, Debezium, produce, consumer, Spark, Cassandra and API must all hold the same values.
 */
// Runs in turn: it uses the stack's Spark cluster.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import avro from "avsc";
import { validUsers } from "../contract/samples.ts";
import type { Reason } from "../contract/topics.ts";
import { prepareKafka } from "../runtime/kafka/topics.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { randomuserPeople } from "../sources/samples.ts";
import { postgresUrl } from "../stack/addresses.ts";
import { openInstance } from "../stack/instance.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import type { Names } from "./support/names.ts";
import { oddChanges, oddRecords, oddSchemas, reasonsOf } from "./support/odd-values.ts";
import { openProjectCopy } from "./support/project-copy.ts";

setDefaultTimeout(900_000);

type Row = Record<string, unknown>;
const log = openLog("field-types", "error");
const copy = openProjectCopy();
const folder = mkdtempSync(join(tmpdir(), "field-types-"));
afterAll(() => {
  copy.close();
  rmSync(folder, { recursive: true });
});
/** A module of the copy, whose contract has the new fields. */
const load = <Module>(file: string) => import(join(copy.folder, file)) as Promise<Module>;

const fields = {
  shoe_size: 'z.int32().nullable().meta({ description: "EU size.", example: 38 })',
  followers: 'z.int().nullable().meta({ description: "At noon.", example: 5_000_000_000 })',
  height: 'z.number().nullable().meta({ description: "In metres.", example: 1.78 })',
  active: 'z.boolean().nullable().meta({ description: "Logged in this year.", example: true })',
  birthday: 'z.iso.date().nullable().meta({ description: "Local date.", example: "1978-04-22" })',
  tags: 'z.array(anyText(40)).max(5).nullable().meta({ description: "Interests.", example: ["owls"] })',
  pets: 'z.int32().positive().max(9).nullable().meta({ description: "At home.", example: 1 })',
  aliases: 'z.array(name(10)).min(1).max(2).nullable().meta({ description: "Other names.", example: ["Owl"] })',
  size: 'z.enum(["s", "m/l"]).nullable().meta({ description: "Of T-shirts.", example: "s" })',
};
const none = Object.fromEntries(Object.keys(fields).map((name) => [name, null]));

/** Users with the extremes of each kind. */
const users: Row[] = [
  { shoe_size: 38, followers: 5_000_000_000, height: 1.78, active: true, birthday: "1978-04-22", tags: ["owls"] },
  { shoe_size: -(2 ** 31), followers: -(2 ** 53) + 1, height: -1e308, active: false, birthday: "0001-01-01", tags: [] },
  { shoe_size: 2 ** 31 - 1, followers: 2 ** 53 - 1, height: 1e308, birthday: "9999-12-31", tags: [""], size: "m/l" },
  { shoe_size: 0, followers: -(2 ** 52) - 1, height: 5e-324, birthday: "1969-12-31", tags: ["a", "", "a"] },
  { height: 0.1, birthday: "1582-10-10", tags: ['say "hi"', "{a,b}", "c:\\new\n'x'", "🦉".repeat(40), "NULL"] },
  { birthday: "1900-02-28", followers: 2 ** 31, pets: 9, aliases: ["Owl", "🦉"], size: "s" },
  {},
].map((row) => ({ ...validUsers[0], ...none, ...row, id: crypto.randomUUID() }));
const [first] = users as [Row, ...Row[]];

test("a nullable field of every kind is one line in the contract, and the copy passes its checks", async () => {
  const lines = Object.entries(fields).map(([name, type]) => `    ${name}: ${type},\n`);
  copy.edit("contract/user.ts", "    timestamp: time().meta({", `${lines.join("")}    timestamp: time().meta({`);
  expect(await copy.bun(["script/generate.ts"])).toMatchObject({ code: 0, stderr: "" });
  expect(await copy.bun(["script/generate.ts", "--check"])).toMatchObject({ code: 0, stderr: "" });
  expect(await copy.bun(["run", "--bun", "--silent", "tsc", "--noEmit"])).toMatchObject({ code: 0, stdout: "" });

  const generated = (name: string) => Bun.file(join(copy.folder, "contract/generated", name)).text();
  const cql =
    "shoe_size int|followers bigint|height double|active boolean|birthday date|tags frozen<list<text>>|pets int|aliases frozen<list<text>>|size text";
  for (const column of cql.split("|")) expect(await generated("created_users.cql")).toContain(`  ${column},\n`);
  const sql =
    "shoe_size integer|followers bigint|height double precision|active boolean|birthday date|tags text[]|pets integer|aliases text[]|size text";
  for (const column of sql.split("|")) expect(await generated("created_users.sql")).toContain(`  ${column},\n`);
  const { schemas } = JSON.parse(await generated("openapi.json")).components;
  expect(Object.keys(fields).map((name) => [name, schemas.NewUser.properties[name]])).toMatchObject([
    ["shoe_size", { type: ["integer", "null"], minimum: -2_147_483_648, maximum: 2_147_483_647, default: null }],
    ["followers", { type: ["integer", "null"], maximum: 9_007_199_254_740_991 }],
    ["height", { type: ["number", "null"] }],
    ["active", { type: ["boolean", "null"] }],
    ["birthday", { type: ["string", "null"], format: "date" }],
    ["tags", { type: ["array", "null"], maxItems: 5, items: { type: "string", maxLength: 40 } }],
    ["pets", { type: ["integer", "null"], exclusiveMinimum: 0, maximum: 9 }],
    ["aliases", { type: ["array", "null"], minItems: 1, maxItems: 2, items: { minLength: 1, maxLength: 10 } }],
    ["size", { type: ["string", "null"], enum: ["s", "m/l", null] }],
  ]);
});

test("every program holds the same values", async () => {
  copy.edit(
    "sources/randomuser.ts",
    "    picture: picture.medium,\n  }),",
    "    picture: picture.medium,\n    birthday: dob.date.slice(0, 10),\n    tags: [gender],\n  }),",
  );
  const { openCapture } = await load<typeof import("./support/capture.ts")>("test/support/capture.ts");
  const { startProgram } = await load<typeof import("./support/program.ts")>("test/support/program.ts");
  const { readRows } = await load<typeof import("./support/cassandra.ts")>("test/support/cassandra.ts");
  const capture = await openCapture(import.meta.path, { CONSUMER_MAX_DEAD_LETTER_SHARE: "1" });
  await prepareKafka(capture.config, "field-types", log, new AbortController().signal);
  await capture.connector.register();

  // Through the tasks to PostgreSQL and Kafka, and by Debezium and the consumer to Cassandra.
  const formatted = await runTasks(capture);
  // A copy, since toMatchObject puts its matchers into what it compares.
  expect({ ...formatted }).toMatchObject({ birthday: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), shoe_size: null });
  const consumer = startProgram("consumer/main.ts", [], capture.env);
  await capture.agree();
  const expected = [formatted, ...users];
  const rows = async () => [...(await readRows(capture.config)).values()];
  expect(byId(await rows())).toEqual(byId(expected));
  expect(byId([...(await capture.rows()).values()])).toEqual(byId(expected));

  await useApi(capture);

  await sendOddRecords(capture);
  await makeOddChanges(capture);
  for (const topic of [capture.topic, capture.changeTopic])
    await until(`${topic} is drained`, async () => (await lagOf(capture.config, capture.groupId, topic)) === 0);
  consumer.signal("SIGTERM");
  expect(await consumer.exited).toBe(0);
  const consumed = await outcomeOf(capture);
  expect(consumed.letters.map(({ reason }) => reason).sort()).toEqual(
    [...reasonsOf(oddRecords), ...reasonsOf(oddChanges)].sort(),
  );

  const spark = await drainWithSpark(capture);
  const job = await outcomeOf(spark);
  expect(job.rows.size).toBeGreaterThan(users.length);
  expect(job).toEqual(consumed);

  await capture.close();
  const { dropKeyspace } = await load<typeof import("./support/cassandra.ts")>("test/support/cassandra.ts");
  await dropKeyspace(spark.config);
});

const byId = (rows: readonly object[]) => new Map(rows.map((row) => [(row as Row).id, row as Row]));

/** Runs the copy's tasks from a record of the source and `users` on; resolves with the record's user. */
async function runTasks({ env, slot }: Names & { slot: string }): Promise<Row> {
  const instance = await openInstance(process.env);
  const login = { role: "users", password: instance.secrets.postgresUsers, database: slot };
  const path = (name: string) => join(folder, name);
  const run = async (task: string, input: string, output: string) => {
    const args = ["--input", path(input), "--output", path(output)];
    const done = await copy.bun(["tasks/main.ts", task, ...args], {
      ...env,
      POSTGRES_URL: postgresUrl(instance, login),
    });
    expect(done).toMatchObject({ code: 0 });
    return JSON.parse(done.stdout.trim().split("\n").at(-1)!);
  };
  const raw = { source: "randomuser", version: "1.4", at: "2026-01-15T06:00:00.000Z", record: randomuserPeople[0] };
  writeFileSync(path("raw.jsonl"), `${JSON.stringify(raw)}\n`);
  await run("format", "raw.jsonl", "formatted.jsonl");
  const formatted = await Bun.file(path("formatted.jsonl")).text();

  const tooBig = { ...first, id: crypto.randomUUID(), followers: 2 ** 53 };
  const wrong = { ...first, id: crypto.randomUUID(), tags: ["fine", { password: "disney1" }] };
  const lines = [...users, tooBig, wrong].map((user) => `${JSON.stringify(user)}\n`);
  writeFileSync(path("users.jsonl"), [formatted, ...lines].join(""));
  const stored = { read: users.length + 3, written: users.length + 1, rejected: 2, inserted: users.length + 1 };
  expect(await run("backup", "users.jsonl", "backup.jsonl")).toMatchObject(stored);
  const rejects = await Bun.file(path("backup.rejects.jsonl")).text();
  expect(
    rejects
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { reason: expect.stringMatching(/^followers: /), original: { followers: 2 ** 53 } },
    { reason: expect.stringMatching(/^tags\[1\]: /), original: { tags: ["fine", "[withheld]"] } },
  ]);
  expect(await run("produce", "backup.jsonl", "produced.jsonl")).toMatchObject({ acknowledged: users.length + 1 });
  return JSON.parse(formatted);
}

/** Adds, reads, changes and deletes a user with the new fields. */
async function useApi({ env }: Names) {
  const { startApi } = await load<typeof import("./support/api.ts")>("test/support/api.ts");
  const api = await startApi(env);
  const ask = async (method: string, path: string, body?: object) => {
    const headers = body && { "Content-Type": "application/json" };
    const response = await fetch(`${api.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
  await until("the API is ready", async () => (await ask("GET", "/readyz")).status === 200);

  for (const user of users) expect(await ask("GET", `/get-user/${user.id}`)).toEqual({ status: 200, body: user });
  for (const user of users) {
    const { timestamp: _, ...profile } = user;
    const id = crypto.randomUUID();
    const added = await ask("POST", "/add-user", { ...profile, id });
    expect(added).toMatchObject({ status: 201, body: { ...profile, id } });
    expect((await ask("GET", `/get-user/${id}`)).body).toEqual(added.body);
    const changed = await ask("PUT", `/update-user/${id}`, { tags: ["new"], active: null });
    expect(changed.body).toMatchObject({ ...profile, id, tags: ["new"], active: null });
    expect((await ask("DELETE", `/delete-user/${id}`)).status).toBe(204);
  }
  for (const change of [
    { shoe_size: 2 ** 31 },
    { shoe_size: 1.5 },
    { followers: 2 ** 53 },
    { height: "1.78" },
    { active: "yes" },
    { birthday: "1978-02-30" },
    { tags: ["x".repeat(41)] },
    { tags: ["a", null] },
    { size: "xl" },
  ]) {
    const refused = await ask("PUT", `/update-user/${first.id}`, change);
    expect([change, refused.status]).toEqual([change, 422]);
  }
  api.signal("SIGTERM");
  await api.exited;
}

/** Sends records that no task would write. */
async function sendOddRecords({ config, topic }: Names) {
  const { avroSchema } = await load<typeof import("../contract/wire.ts")>("contract/wire.ts");
  const registry = openRegistry(config.schemaRegistry);
  const ids = new Map<string, number>();
  for (const [name, types] of Object.entries(oddSchemas))
    ids.set(name, await registry.register(`${topic}-${name}-value`, withTypes(avroSchema, types)));
  const messages = oddRecords.map(([schema, field, hex]) => {
    const bytes = Buffer.from(hex, "hex");
    const opaque = { type: "fixed", name: "Opaque", size: bytes.length };
    const type = plainType(withTypes(avroSchema, { ...oddSchemas[schema], [field]: opaque }));
    const user = { ...validUsers[0], ...none, id: crypto.randomUUID(), [field]: bytes };
    const header = Buffer.alloc(5);
    header.writeUInt32BE(ids.get(schema)!, 1);
    return { key: user.id, value: Buffer.concat([header, type.toBuffer(numbers(user))]) };
  });
  const producer = openKafka(config, "field-types", log).producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages });
  await producer.disconnect();
}

const withTypes = (schema: object, types: Row) => {
  const { fields: all, ...record } = structuredClone(schema) as { fields: { name: string }[] };
  const typed = all.map((each) => (each.name in types ? { ...each, type: ["null", types[each.name]] } : each));
  return { ...record, fields: typed };
};
const plainType = (schema: object) =>
  avro.Type.forSchema(
    JSON.parse(JSON.stringify(schema, (name, value) => (name === "logicalType" ? undefined : value))),
    { wrapUnions: false },
  );
const numbers = (user: Row): Row => {
  const millis = (time: unknown) => Date.parse(String(time));
  const { dob, registered_date, timestamp } = user;
  return { ...user, dob: millis(dob), registered_date: millis(registered_date), timestamp: millis(timestamp) };
};

/** Makes PostgreSQL hold values that the contract does not have. */
async function makeOddChanges({
  sql,
  changeTopic,
  config,
}: Names & Pick<import("./support/capture.ts").Capture, "sql" | "changeTopic">) {
  const before = (await readTopic(config, changeTopic)).length;
  for (const [set] of oddChanges)
    await sql.unsafe(`UPDATE created_users SET ${set} WHERE id = $1`, [first.id as string]);
  await until("Debezium has published the changes", async () => {
    return (await readTopic(config, changeTopic)).length >= before + oddChanges.length;
  });
}

/** Drains the same topics with the copy's Spark job, into a keyspace and a dead-letter topic of its own. */
async function drainWithSpark(capture: Names & { changeTopic: string }): Promise<Names> {
  const { namesOf } = await load<typeof import("./support/names.ts")>("test/support/names.ts");
  const { startCluster, startJob } = await load<typeof import("./support/spark.ts")>("test/support/spark.ts");
  const names = namesOf(`spark-${import.meta.file}`, {
    KAFKA_TOPIC: capture.topic,
    KAFKA_CHANGE_TOPIC: capture.changeTopic,
    CONSUMER_MAX_DEAD_LETTER_SHARE: "1",
  });
  await prepareKafka(names.config, "field-types", log, new AbortController().signal);
  await startCluster();
  const job = startJob(names, "--cdc", "--available-now");
  if ((await job.exited) !== 0) throw new Error(`the job failed:\n${await job.output()}`);
  return names;
}

async function outcomeOf({ config }: Names) {
  const { readRows, readWriteTimes } = await load<typeof import("./support/cassandra.ts")>("test/support/cassandra.ts");
  const sorted = <T>(map: Map<string, T>) => new Map([...map].sort(([one], [other]) => (one < other ? -1 : 1)));
  const letters = await readTopic(config, config.kafka.deadLetterTopic);
  return {
    rows: sorted(await readRows(config)),
    times: sorted(await readWriteTimes(config)),
    letters: letters
      .map(({ headers }) => ({
        source: `${headers["__connect.errors.topic"]} ${headers["__connect.errors.partition"]} ${headers["__connect.errors.offset"]}`,
        reason: headers["__connect.errors.exception.class.name"] as Reason,
      }))
      .sort((one, other) => one.source.localeCompare(other.source)),
  };
}

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { settledTopicOf, valueSubject } from "../contract/entity.ts";
import { changeable, validUsers } from "../contract/samples.ts";
import { writeTimeOf } from "../contract/tables.ts";
import { keyOf } from "../contract/topics.ts";
import type { User } from "../contract/user.ts";
import { editSchema, encodeEdit } from "../contract/user-edits.ts";
import { encode } from "../contract/wire.ts";
import { openKafka } from "../runtime/kafka.ts";
import { openLog } from "../runtime/log.ts";
import { openRegistry } from "../runtime/registry.ts";
import { until } from "../runtime/until.ts";
import { startConsumer } from "./faults/consumer.ts";
import { newUser, openRecorder, type Recorder } from "./faults/records.ts";
import { dropKeyspace, readRows, readWriteTimes } from "./support/cassandra.ts";
import { row } from "./support/change-events.ts";
import { lagOf, readTopic } from "./support/kafka.ts";
import { namesOf } from "./support/names.ts";
import { startProgram } from "./support/program.ts";

const names = namesOf(import.meta.path, {
  CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW: "100000",
  CONSUMER_MAX_DEAD_LETTER_SHARE: "1",
  // The consumer's own is lower: it refuses what the command takes for valid.
  CONSUMER_MAX_AHEAD_MS: "3600000",
  CDC_APPLY: "true",
});
const { config, topic, deadLetterTopic, groupId, env } = names;
let recorder: Recorder;

beforeAll(async () => {
  recorder = await openRecorder(names);
  startConsumer({ env: { ...env, CONSUMER_MAX_AHEAD_MS: "60000" } });
});

afterAll(async () => {
  await recorder.close();
  await dropKeyspace(config);
});

const killedAtProgress = join(import.meta.dir, "support", "killed-at-progress.ts");
const start = (more: Record<string, string>, ...args: string[]) =>
  startProgram("operate/main.ts", ["dead-letters", ...args], { ...env, ...more });
async function run(...args: string[]) {
  const program = start({}, ...args);
  const code = await program.exited;
  return { code, output: await program.output() };
}
const report = async (...args: string[]) => {
  const { code, output } = await run(...args, "--json");
  const line = output.split("\n").find((each) => each.startsWith("{"));
  return { ...JSON.parse(line ?? "null"), code, ...(!line && { output }) };
};
const drained = () => until("the lag is 0", async () => (await lagOf(config, groupId, topic)) === 0);
const invalid = (user: User) => ({
  key: keyOf(user),
  value: encode({ ...user, [changeable.text]: "" }, recorder.schemaId),
  user: null,
});
const repaired = `${changeable.text}=Kelley`;

test("1,000 repaired letters are 1,000 rows, once each, though a command is killed and two run at once", async () => {
  const users = Array.from({ length: 1_000 }, newUser);
  const [edited] = users as [User, ...User[]];
  const newer = { ...edited, timestamp: new Date(Date.parse(edited.timestamp) + 1).toISOString() };
  await recorder.sendRecords([
    ...users.map(invalid),
    { key: keyOf(newer), value: encode(newer, recorder.schemaId), user: newer },
  ]);
  await drained();
  expect(await report("list")).toMatchObject({
    code: 1,
    open: { invalid_user: 1_000 },
    groups: [{ reason: "invalid_user", topic, open: 1_000, settled: 0, failedAgain: 0 }],
  });

  const dry = await report("replay", "--all", "--set", repaired, "--dry-run");
  expect(dry).toMatchObject({ code: 0, replayed: 1_000, refused: [] });
  const unrepaired = await run("replay", "--all");
  expect(unrepaired.output).toMatch(/^0 letters replayed\n1000 letters not replayed:/m);
  expect(unrepaired.output).toContain(`it would fail again, invalid_user: ${changeable.text}: `);
  expect(unrepaired.code).toBe(1);
  expect((await readRows(config)).size).toBe(1);

  const killed = start({ BUN_OPTIONS: `--preload ${killedAtProgress}` }, "replay", "--all", "--set", repaired);
  expect(await killed.exited).toBe(137);
  const { open } = (await report("list")) as unknown as { open: { invalid_user: number } };
  expect(open.invalid_user).toBeGreaterThan(0);
  expect(open.invalid_user).toBeLessThan(1_000);

  const both = await Promise.all([1, 2].map(() => report("replay", "--reason", "invalid_user", "--set", repaired)));
  expect(both).toMatchObject([
    { code: 0, refused: [] },
    { code: 0, refused: [] },
  ]);
  await drained();
  const rows = await readRows(config);
  const times = await readWriteTimes(config);
  expect(rows.size).toBe(1_000);
  for (const user of users.slice(1)) {
    expect(rows.get(user.id)).toEqual({ ...user, [changeable.text]: "Kelley" });
    expect(times.get(user.id)?.[changeable.text]).toBe(String(writeTimeOf(user)));
  }
  expect(rows.get(edited.id)).toEqual(newer);
  const replays = (await readTopic(config, topic)).filter(({ headers }) => "replay.letter" in headers);
  expect(replays.length).toBe(1_000);
  expect(new Set(replays.map(({ headers }) => headers["replay.letter"])).size).toBe(1_000);
  expect(new Set(replays.map(({ key }) => key))).toEqual(new Set(users.map(keyOf)));

  expect(await report("list")).toMatchObject({ code: 0, open: {}, groups: [{ open: 0, settled: 1_000 }] });
  const again = await report("replay", "--all", "--set", repaired);
  expect(again).toMatchObject({ code: 0, replayed: 0, settledBefore: 1_000 });
  expect((await readTopic(config, topic)).length).toBe(2_001);
});

test("a letter that fails again knows how often, and the fourth replay takes --force; dismissed, it is settled", async () => {
  const [rachel] = validUsers as [User, ...User[]];
  const ahead = { ...rachel, timestamp: new Date(Date.now() + 1_800_000).toISOString() };
  await recorder.sendRecords([{ key: keyOf(ahead), value: encode(ahead, recorder.schemaId), user: null }]);
  const openLetter = async () => {
    await drained();
    const { letters } = await report("list", "--reason", "timestamp_ahead", "--each");
    const [letter, ...others] = letters as { offset: string; replays: number }[];
    expect(others).toEqual([]);
    return letter!;
  };
  for (let replays = 0; replays < 3; replays++) {
    const letter = await openLetter();
    expect(letter.replays).toBe(replays);
    expect(await report("replay", letter.offset)).toMatchObject({ code: 0, replayed: 1 });
  }
  const { offset, replays } = await openLetter();
  expect(replays).toBe(3);
  const refused = await run("replay", "--all");
  expect(refused.code).toBe(1);
  expect(refused.output).toContain("it has failed again 3 times; --force replays it once more");
  expect((await run("list", "--topic", topic, "--since", "1h")).output).toMatch(
    /timestamp_ahead +│ \S+ +│ \S+ +│ +1 │ +3 │ +1 │/,
  );
  expect(await report("replay", offset, "--force")).toMatchObject({ code: 0, replayed: 1 });

  const last = await openLetter();
  const shown = (await run("show", last.offset)).output;
  expect(shown).toContain("state       open");
  expect(shown).toContain("replayed    4 times, and failed again");
  expect((await run("dismiss", last.offset)).output).toContain("because");
  expect(await report("dismiss", last.offset, "--because", "a test")).toMatchObject({ code: 0, dismissed: 1 });
  expect((await run("dismiss", last.offset, "--because", "again")).output).toContain(
    "0 letters dismissed; 1 settled before\n",
  );
  const account = Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
  const after = await run("show", `0:${last.offset}`);
  expect(after.code).toBe(0);
  expect(after.output).toMatch(new RegExp(`state +dismissed by ${account} at \\S+, because: a test`));
  const settled = await readTopic(config, settledTopicOf(deadLetterTopic));
  expect(JSON.parse(String(settled.at(-1)?.value))).toMatchObject({ action: "dismissed", because: "a test" });
});

test("a repaired edit is applied with its own write time", async () => {
  const { editTopic } = config.kafka;
  const user = newUser();
  const schemaId = await openRegistry(config.schemaRegistry).register(valueSubject(editTopic), editSchema);
  const edit = { id: keyOf(user), operation: "upsert", write_time: 1_790_000_000_000_001, author: "ann" } as const;
  const value = encodeEdit({ ...edit, user: { ...user, [changeable.text]: "" }, request_id: "1" }, schemaId);
  const kafka = openKafka(config, "test", openLog("test", "error"));
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({ topic: editTopic, acks: -1, messages: [{ key: edit.id, value }] });
  await producer.disconnect();
  const drainedEdits = () => until("the edits' lag is 0", async () => (await lagOf(config, groupId, editTopic)) === 0);
  await drainedEdits();
  expect(await report("replay", "--topic", editTopic)).toMatchObject({ code: 1, replayed: 0 });
  expect(await report("replay", "--topic", editTopic, "--set", repaired)).toMatchObject({ code: 0, replayed: 1 });
  await drainedEdits();
  expect((await readRows(config)).get(edit.id)).toEqual({ ...user, [changeable.text]: "Kelley" });
  expect((await readWriteTimes(config)).get(edit.id)?.[changeable.text]).toBe(String(edit.write_time));
});

test("letters of every reason, of version 1.0 and of anybody can be listed, shown and dismissed", async () => {
  await recorder.sendRecords([
    { key: "nothing", value: null, user: null },
    { key: "no schema", value: encode(validUsers[0]!, 4_294_967_295), user: null },
  ]);
  await drained();
  const { changeTopic } = config.kafka;
  const producer = openKafka(config, "test", openLog("test", "error")).producer();
  await producer.connect();
  const change = {
    op: "u",
    after: row(validUsers[1]!, { [changeable.text]: "" }),
    source: { ts_us: 1, lsn: 2, ts_ns: 0 },
  };
  const digits = "1790000000123456789";
  const letters = [
    {
      key: "of version 1.0",
      value: "no magic",
      headers: {
        reason: "no_magic_byte",
        detail: "none",
        "source.topic": topic,
        "source.partition": "0",
        "source.offset": "5",
      },
    },
    {
      key: Buffer.from([0xff, 0xfe]),
      value: Buffer.from("\u001b[2Jevil", "utf8"),
      headers: { "__connect.errors.topic": "../\u001b]0;evil", "__connect.errors.partition": "-1", "": "\u001b[31m" },
    },
    {
      key: "a change",
      value: JSON.stringify(change).replace('"ts_ns":0', `"ts_ns":${digits}`),
      headers: {
        "__connect.errors.topic": changeTopic,
        "__connect.errors.partition": "0",
        "__connect.errors.offset": "0",
        "__connect.errors.exception.class.name": "invalid_user",
        "__connect.errors.exception.message": `${changeable.text}: must not be empty`,
        "source.timestamp": "1768456800000",
      },
    },
    {
      key: null,
      value: "a batch",
      headers: {
        "__connect.errors.topic": topic,
        "__connect.errors.partition": "1",
        "__connect.errors.offset": "7",
        "__connect.errors.exception.class.name": "unreadable_batch",
        "source.last_offset": "9",
        because: "damaged",
      },
    },
  ];
  // A consumer that was killed writes a letter again.
  await producer.send({ topic: deadLetterTopic, acks: -1, messages: [...letters, letters[0]] as never });
  await producer.disconnect();

  const { open, letters: listed } = await report("list", "--each");
  expect(open).toEqual({
    invalid_user: 1,
    no_magic_byte: 1,
    no_value: 1,
    unknown: 1,
    unknown_schema: 1,
    unreadable_batch: 1,
  });
  const show = async ({ offset, reason }: { offset: string; reason: string }) =>
    [reason, (await run("show", offset)).output] as const;
  const shown = new Map(await Promise.all(listed.map(show)));
  expect(shown.get("no_value")).toContain("value: none");
  expect(shown.get("unknown_schema")).toContain("the registry has no schema with id 4294967295");
  expect(shown.get("unknown_schema")).toMatch(/^ {2}0000 {2}00 ff ff ff ff /m);
  expect(shown.get("no_magic_byte")).toContain(`record      ${topic}, partition 0, offset 5`);
  expect(shown.get("unreadable_batch")).toMatch(/offset 7 to 9.*skipped +because: damaged/s);
  expect(shown.get("invalid_user")).toMatch(
    new RegExp(`rule +${changeable.text}: text.*value \\(JSON\\).*"op": "u"`, "s"),
  );
  expect(shown.get("unknown")).toContain("record      the letter does not say where it comes from");
  expect([...shown.values()].join("").replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);

  const refused = await report("replay", "--all", "--dry-run");
  const whys = Object.fromEntries(
    (refused.refused as { reason: string; why: string }[]).map(({ reason, why }) => [reason, why]),
  );
  expect(whys).toMatchObject({
    no_value: "it would fail again, no_value: the value is null",
    unknown: "it does not say where its record comes from",
    unreadable_batch: "its bytes are a whole batch, which cannot be sent as a record",
  });
  expect(await report("replay", "--topic", changeTopic, "--set", repaired)).toMatchObject({ code: 0, replayed: 1 });
  const [sent] = await readTopic(config, changeTopic);
  expect(JSON.parse(String(sent?.value))).toMatchObject({ op: "u", after: { [changeable.text]: "Kelley" } });
  expect(String(sent?.value)).toContain(`"ts_ns":${digits}`);
  expect(sent?.headers).toEqual({ "replay.letter": expect.any(String), "replay.attempt": "1" });

  expect(await run("dismiss", "--all", "--because", "planted by a test")).toMatchObject({ code: 0 });
  expect(await report("list")).toMatchObject({ code: 0, open: {} });
});

test("a command that means no letter, or one that is not there, changes nothing and says so", async () => {
  const end = (await readTopic(config, deadLetterTopic)).length;
  const wrong: [string[], string][] = [
    [["replay"], "which letters?"],
    [["replay", "1", "--all"], "give either positions"],
    [["replay", "--all", "--set", "nobody=1"], "--set nobody=1: must be FIELD=VALUE"],
    [["replay", "--all", "--set", "id=1"], "--set id: with another id it would be another record"],
    [["list", "--since", "yesterday"], "--since must be a time"],
    [["show", "999999"], `${deadLetterTopic} has no letter at 0:999999`],
    [["show", "x"], "x is no position"],
    [["show", "3:1"], `${deadLetterTopic} has no letter at 3:1`],
  ];
  const outcomes = await Promise.all(wrong.map(([args]) => run(...args)));
  for (const [index, [, message]] of wrong.entries()) {
    expect(outcomes[index]?.output).toContain(message);
    expect(outcomes[index]?.code).toBe(2);
  }
  expect((await readTopic(config, deadLetterTopic)).length).toBe(end);
});

import { expect, test } from "bun:test";
import { Registry } from "prom-client";
import { nullHeader } from "../runtime/kafka/null-headers.ts";
import { type Log, openLog } from "../runtime/log.ts";
import type { DeadLetter } from "../stream/change.ts";
import { type Letter, openDeadLetters, requestsOf } from "./dead-letters.ts";
import { declareMetrics } from "./metrics.ts";

const log = openLog("test", "error");
const never = new AbortController().signal;
const dependencies = {
  send: async () => {},
  isTransient: () => false,
  topic: "users_created.dlq",
  metrics: declareMetrics(new Registry()),
  log,
};
const origin = { topic: "users_created", partition: 3 };
const letter = (bytes: number, offset = "42"): DeadLetter => ({
  message: { key: Buffer.from("k"), value: Buffer.alloc(bytes), offset, timestamp: "1768456800000" },
  reason: "no_magic_byte",
  detail: "the value does not begin with magic byte 0 and a schema id",
});

test("a letter keeps the original's bytes and has its origin and reason", async () => {
  const sent: Letter[] = [];
  const { send } = openDeadLetters({ ...dependencies, send: async (letters) => sent.push(...letters) });
  await send(origin, [letter(4)], never);
  expect(sent).toEqual([
    {
      key: Buffer.from("k"),
      value: Buffer.alloc(4),
      headers: {
        "__connect.errors.topic": ["users_created"],
        "__connect.errors.partition": ["3"],
        "__connect.errors.offset": ["42"],
        "__connect.errors.exception.class.name": ["no_magic_byte"],
        "__connect.errors.exception.message": ["the value does not begin with magic byte 0 and a schema id"],
        "source.timestamp": ["1768456800000"],
      },
    },
  ]);
});

test("the original's headers are unchanged, and ours come last", async () => {
  const sent: Letter[] = [];
  const { send } = openDeadLetters({ ...dependencies, send: async (letters) => sent.push(...letters) });
  const [trace, empty, theirs] = [Buffer.from([0, 255]), Buffer.alloc(0), Buffer.from("theirs")];
  const original = letter(4);
  original.message.headers = { trace: [trace, null, trace], empty, none: null, "__connect.errors.topic": theirs };
  await send(origin, [original], never);
  const headers = sent[0]!.headers;
  expect(Object.keys(headers).slice(0, 4)).toEqual(["trace", "empty", "none", "__connect.errors.topic"]);
  expect(headers.trace).toEqual([trace, nullHeader, trace]);
  expect(headers.empty?.[0]).toBe(empty);
  expect(headers.none?.[0]).toBe(nullHeader);
  expect(headers["__connect.errors.topic"]).toEqual([theirs, "users_created"]);
});

test("the log has one line per reason, with the count and the first and last offset", async () => {
  const lines: unknown[] = [];
  const warn = (event: string, properties: unknown) => lines.push([event, properties]);
  const { send } = openDeadLetters({ ...dependencies, log: { warn } as unknown as Log });
  await send(origin, [letter(4, "42"), { ...letter(4, "43"), reason: "no_value" }, letter(4, "57")], never);
  expect(lines).toEqual([
    ["dead-lettered", { ...origin, reason: "no_magic_byte", count: 2, firstOffset: "42", lastOffset: "57" }],
    ["dead-lettered", { ...origin, reason: "no_value", count: 1, firstOffset: "43", lastOffset: "43" }],
  ]);
});

test("a transient failure to write a letter is retried, any other is thrown", async () => {
  const away = new Error("away");
  let attempts = 0;
  const open = (error: Error) =>
    openDeadLetters({
      send: async () => {
        if (++attempts < 3) throw error;
      },
      isTransient: (fault) => fault === away,
      topic: "users_created.dlq",
      metrics: declareMetrics(new Registry()),
      log,
    });
  await open(away).send(origin, [letter(4)], never);
  expect(attempts).toBe(3);
  attempts = 0;
  await expect(open(new Error("message too large")).send(origin, [letter(4)], never)).rejects.toThrow(
    "message too large",
  );
});

test("requests stay below the limit, and a larger letter has its own", () => {
  const sizes = (letters: DeadLetter[]) =>
    [...requestsOf(letters, 10_000)].map((request) => request.map(({ message }) => message.value?.length));
  expect(sizes([letter(4_000), letter(4_000), letter(4_000)])).toEqual([[4_000, 4_000], [4_000]]);
  expect(sizes([letter(1), letter(50_000), letter(1)])).toEqual([[1], [50_000], [1]]);
  expect(sizes([])).toEqual([]);
});

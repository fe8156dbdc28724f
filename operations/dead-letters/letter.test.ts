import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Headers } from "../../stream/change.ts";
import { originalHeaders, readLetter } from "./letter.ts";

const bytesOf = (headers: Record<string, string | null | (string | null)[]>): Headers =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const bytes = [value].flat().map((each) => (each === null ? null : Buffer.from(each)));
      return [name, bytes.length === 1 ? bytes[0]! : bytes];
    }),
  );
const letterWith = (headers: Record<string, string | null | (string | null)[]>) =>
  readLetter({ key: null, value: null, headers: bytesOf(headers), offset: "7", timestamp: "1768456800000" }, 0);

const current = {
  "__connect.errors.topic": "users_created",
  "__connect.errors.partition": "3",
  "__connect.errors.offset": "42",
  "__connect.errors.exception.class.name": "invalid_user",
  "__connect.errors.exception.message": "email: not an address",
  "source.timestamp": "1768456700000",
};
const former = {
  reason: "no_value",
  detail: "the value is null",
  "source.topic": "users_created",
  "source.partition": "1",
  "source.offset": "4711",
  "source.timestamp": "1768456600000",
};

test("a letter says why, where its record is and when that was produced", () => {
  expect(letterWith({ trace: "x", ...current, "replay.attempt": "2" })).toMatchObject({
    partition: 0,
    offset: "7",
    writtenMs: 1_768_456_800_000,
    reason: "invalid_user",
    detail: "email: not an address",
    origin: { topic: "users_created", partition: 3, offset: "42" },
    producedMs: 1_768_456_700_000,
    lastOffset: null,
    because: null,
    replays: 2,
  });
});

test("so does a letter of version 1.0, and of both versions the one that was added last", () => {
  const place = { topic: "users_created", partition: 1, offset: "4711" };
  expect(letterWith(former)).toMatchObject({ reason: "no_value", detail: "the value is null", origin: place });
  expect(letterWith({ ...current, ...former })).toMatchObject({ reason: "no_value", origin: place });
  expect(letterWith({ ...former, ...current })).toMatchObject({ reason: "invalid_user", origin: { offset: "42" } });
  expect(letterWith({ "__connect.errors.topic": "theirs", ...former })).toMatchObject({ origin: place });
});

test("the last of several values is the letter's, and the others are the original's", () => {
  const headers = {
    ...current,
    trace: ["1", "2"],
    because: "theirs",
    "__connect.errors.topic": ["theirs", "users_created"],
  };
  expect(letterWith(headers).origin?.topic).toBe("users_created");
  expect({ ...originalHeaders(bytesOf(headers)) }).toEqual({
    trace: [Buffer.from("1"), Buffer.from("2")],
    because: [Buffer.from("theirs")],
    "__connect.errors.topic": [Buffer.from("theirs")],
  });
  expect({ ...originalHeaders(bytesOf({ trace: null, ...former })) }).toEqual({ trace: [null] });
});

test("a letter of Kafka Connect is read, too", () => {
  const letter = letterWith({
    "__connect.errors.topic": "orders",
    "__connect.errors.partition": "0",
    "__connect.errors.offset": "9",
    "__connect.errors.stage": "VALUE_CONVERTER",
    "__connect.errors.exception.class.name": "org.apache.kafka.connect.errors.DataException",
    "__connect.errors.exception.message": "orders",
  });
  expect(letter).toMatchObject({ reason: "org.apache.kafka.connect.errors.DataException", producedMs: null });
});

test.each([
  [{}],
  [{ ...current, "__connect.errors.topic": "../etc/passwd" }],
  [{ ...current, "__connect.errors.partition": "-1" }],
  [{ ...current, "__connect.errors.partition": "4294967296" }],
  [{ ...current, "__connect.errors.offset": "9999999999999999999" }],
  [{ ...current, "__connect.errors.offset": null }],
])("an impossible place is none: %j", (headers) => {
  expect(letterWith(headers).origin).toBeNull();
});

test("text is shortened and cannot control a terminal", () => {
  const letter = letterWith({ ...current, "__connect.errors.exception.message": `\u001b[2J\n${"x".repeat(100_000)}` });
  expect(letter.detail.length).toBeLessThan(2_001);
  expect(letter.detail).toStartWith("\uFFFD[2J\uFFFDx");
  expect(letterWith({}).reason).toBe("unknown");
});

test("any headers are read", () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom("0", "1", "-1", "9".repeat(20), "users_created").map((text) => Buffer.from(text)),
  );
  const name = fc.oneof(fc.constantFrom(...Object.keys({ ...current, ...former })), fc.string({ maxLength: 5 }));
  const headers = fc.dictionary(name, fc.oneof(value, fc.array(value, { maxLength: 3 })));
  fc.assert(
    fc.property(headers, (given) => {
      const letter = readLetter({ key: null, value: null, headers: given, offset: "7", timestamp: "1" }, 0);
      expect(letter.reason.length).toBeGreaterThan(0);
      originalHeaders(given);
    }),
  );
});

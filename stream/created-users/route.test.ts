import { expect, test } from "bun:test";
import fc from "fast-check";
import { searchFields } from "../../contract/entity.ts";
import { validUsers } from "../../contract/samples.ts";
import type { User } from "../../contract/user.ts";
import { avroSchema, encode, readerOf } from "../../contract/wire.ts";
import type { Message } from "../change.ts";
import { sift } from "../sift.ts";
import { changeOf } from "./route.ts";

const [rachel, adryn] = validUsers as [User, User, ...User[]];
const schema = (text: object, newerFields: string[] = []) => ({ read: readerOf(JSON.stringify(text)), newerFields });
/** An id that no changed byte of another record makes. */
const newer = 0x01_01_01_01;
const schemas = new Map([
  [1, schema(avroSchema)],
  [2, null],
  [3, schema({ type: "record", name: "Fish", fields: [{ name: "fins", type: "int" }] })],
  [newer, schema(avroSchema, ["height"])],
]);
const options = { schemas, changeOf, now: Date.parse("2026-01-15T06:00:00Z"), maxAheadMs: 300_000 };

const message = (value: Buffer | null, offset = 0): Message => ({
  key: null,
  value,
  offset: String(offset),
  timestamp: "1768456800000",
});
const reasonOf = (value: Buffer | null) => sift([message(value)], options).letters.map(({ reason }) => reason);

test("a user becomes an upsert with the user's own time as its write time", () => {
  const record = message(encode(rachel, 1));
  expect(sift([record], options)).toEqual({
    writes: [{ message: record, change: { kind: "upsert", user: rachel, writeTimeMicros: 1_768_456_800_000_000 } }],
    letters: [],
  });
});

test("each kind of poison has its own reason", () => {
  const good = encode(rachel, 1);
  expect(reasonOf(null)).toEqual(["no_value"]);
  expect(reasonOf(Buffer.alloc(64 * 1024 + 1))).toEqual(["too_large"]);
  expect(reasonOf(Buffer.alloc(0))).toEqual(["no_magic_byte"]);
  expect(reasonOf(Buffer.from('{"id": "c7a41086"}'))).toEqual(["no_magic_byte"]);
  expect(reasonOf(encode(rachel, 2))).toEqual(["unknown_schema"]);
  expect(reasonOf(good.subarray(0, -3))).toEqual(["undecodable"]);
  expect(reasonOf(encode(rachel, 3))).toEqual(["undecodable"]);
  expect(reasonOf(encode({ ...rachel, [searchFields[0]]: "" }, 1))).toEqual(["invalid_user"]);
});

test("a timestamp may be at most five minutes ahead", () => {
  expect(reasonOf(encode({ ...rachel, timestamp: "2026-01-15T06:05:00.000Z" }, 1))).toEqual([]);
  expect(reasonOf(encode({ ...rachel, timestamp: "2026-01-15T06:05:00.001Z" }, 1))).toEqual(["timestamp_ahead"]);
});

test("good records between bad ones stay in log order", () => {
  const { writes, letters } = sift(
    [message(encode(adryn, 1), 7), message(null, 8), message(encode(rachel, 1), 9)],
    options,
  );
  expect(writes.map((write) => write.message.offset)).toEqual(["7", "9"]);
  expect(letters.map((letter) => letter.message.offset)).toEqual(["8"]);
});

test("any batch is stored or dead-lettered: any bytes end in exactly one of the two", () => {
  const truncated = fc.nat(200).map((length) => encode(rachel, 1).subarray(0, length));
  const flipped = fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => {
    const bytes = Buffer.from(encode(adryn, 1));
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const framedNoise = fc
    .tuple(fc.constantFrom(1, 2, 3, 4), fc.uint8Array({ maxLength: 300 }))
    .map(([id, bytes]) => Buffer.from([0, 0, 0, 0, id, ...bytes]));
  const good = fc.constantFrom(...validUsers).map((user) => encode(user, 1));
  const value = fc.oneof(good, truncated, flipped, noise, framedNoise, fc.constant(null));

  fc.assert(
    fc.property(fc.array(value, { maxLength: 50 }), (values) => {
      const messages = values.map(message);
      const { writes, letters } = sift(messages, options);
      const seen = [...writes, ...letters].map((outcome) => Number(outcome.message.offset));
      expect(seen.sort((a, b) => a - b)).toEqual(messages.map((_, index) => index));
      for (const { change } of writes) expect(Number.isFinite(change.writeTimeMicros)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("the first record of a newer contract is held, and all after it are left unread", () => {
  const records = [encode(rachel, 1), null, encode(adryn, newer), encode(rachel, 1)].map(message);
  const { writes, letters, held } = sift(records, options);
  expect([writes.length, letters.length, held?.offset]).toEqual([1, 1, "2"]);
  expect(held?.why).toBe(
    `the record at offset 2 has schema ${newer} of a newer contract, whose fields this version does not know: height; update the consumer`,
  );
  // Even if it could not be read.
  expect(sift([message(Buffer.concat([encode(adryn, newer), Buffer.alloc(1)]))], options).held?.offset).toBe("0");
});

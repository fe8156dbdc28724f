import { expect, test } from "bun:test";
import { Registry } from "prom-client";
import { openLog } from "../runtime/log.ts";
import type { DeadLetter } from "./change.ts";
import { type Letter, openDeadLetters, requestsOf } from "./dead-letters.ts";
import { declareMetrics } from "./metrics.ts";

const log = openLog("test", "error");
const never = new AbortController().signal;
const origin = { topic: "users_created", partition: 3 };
const letter = (bytes: number, offset = "42"): DeadLetter => ({
  message: { key: Buffer.from("k"), value: Buffer.alloc(bytes), offset, timestamp: "0" },
  reason: "no_magic_byte",
  detail: "the value does not begin with magic byte 0 and a schema id",
});

test("a letter keeps the original's bytes and says where it came from and why", async () => {
  const sent: Letter[] = [];
  const { send } = openDeadLetters({
    send: async (letters) => sent.push(...letters),
    isTransient: () => false,
    topic: "users_created.dlq",
    metrics: declareMetrics(new Registry()),
    log,
  });
  await send(origin, [letter(4)], never);
  expect(sent).toEqual([
    {
      key: Buffer.from("k"),
      value: Buffer.alloc(4),
      headers: {
        reason: "no_magic_byte",
        detail: "the value does not begin with magic byte 0 and a schema id",
        "source.topic": "users_created",
        "source.partition": "3",
        "source.offset": "42",
      },
    },
  ]);
});

test("a failure to write a letter is tried again when it may pass, and thrown when not", async () => {
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

test("requests stay under the limit, and a letter that is larger goes alone", () => {
  const sizes = (letters: DeadLetter[]) =>
    [...requestsOf(letters, 10_000)].map((request) => request.map(({ message }) => message.value?.length));
  expect(sizes([letter(4_000), letter(4_000), letter(4_000)])).toEqual([[4_000, 4_000], [4_000]]);
  expect(sizes([letter(1), letter(50_000), letter(1)])).toEqual([[1], [50_000], [1]]);
  expect(sizes([])).toEqual([]);
});

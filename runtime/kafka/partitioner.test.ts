import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
// @ts-expect-error: kafkajs declares no types for its inner files
import kafkajsMurmur2 from "kafkajs/src/producer/partitioners/default/murmur2";
import { murmur2 } from "./partitioner.ts";

// Source: UtilsTest.testMurmur2 of Apache Kafka.
test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
])("the hash of %s is that of the Java client", (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

test("keys of every length have the hash of kafkajs", () => {
  for (let length = 0; length < 200; length++) {
    const key = randomBytes(length);
    expect([key, murmur2(key)]).toEqual([key, kafkajsMurmur2(key)]);
  }
});

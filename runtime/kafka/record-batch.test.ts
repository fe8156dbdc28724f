import { expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
// @ts-expect-error: kafkajs declares no types for its inner files
import crc32C from "kafkajs/src/protocol/recordBatch/crc32C";
import { timed } from "../../test/support/cpu-time.ts";
import stored from "./batches.json" with { type: "json" };
import { decompress } from "./compression.ts";
import { readBatches, searchBatches } from "./record-batch.ts";

/** Six records each, sent by librdkafka and read from Kafka's log; the broker compressed the one in xerial's blocks. */
const batches = Object.entries(stored).map(([codec, base64]) => [codec, Buffer.from(base64, "base64")] as const);
const [[, plain]] = batches as [(typeof batches)[number]];
const owls = Array.from({ length: 6 }, (_, index) => [`key${index}`, `value ${index}: ${"owl ".repeat(30)}`]);

/** A batch with other attributes, count or body, and a correct checksum. */
function forged({ attributes = 0, count = 6, body = plain.subarray(61) as Uint8Array }) {
  const batch = Buffer.concat([plain.subarray(0, 61), body]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt16BE(attributes, 21);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(crc32C(batch.subarray(21)), 17);
  return batch;
}

/** Why a batch is unreadable. */
const detailOf = (batch: Buffer) => {
  const records = readBatches(batch);
  expect(records.length).toBe(1);
  return records[0]?.unreadable?.detail;
};

test.each(batches)("the records of a batch that is compressed with %s", (_, batch) => {
  const records = readBatches(batch);
  expect(records.map(({ key, value }) => [key?.toString(), value?.toString()])).toEqual(owls);
  const base = Number(batch.readBigInt64BE(0));
  expect(records.map(({ offset }) => Number(offset) - base)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(new Date(Number(records[0]?.timestamp)).getUTCFullYear()).toBe(2026);
});

test("consecutive batches are decoded, and an incomplete one is left for the next fetch", () => {
  const [first, second] = [batches[1]![1], batches[2]![1]];
  expect(readBatches(Buffer.concat([first, second])).length).toBe(12);
  for (const length of [second.length - 1, 62, 11, 0]) {
    const records = readBatches(Buffer.concat([first, second.subarray(0, length)]));
    expect(records.length).toBe(6);
    expect(records.some(({ unreadable }) => unreadable)).toBe(false);
  }
});

test("a damaged batch becomes one placeholder record, after the records of earlier batches", () => {
  const damaged = Buffer.from(batches[3]![1]);
  damaged[90]! ^= 1;
  const base = damaged.readBigInt64BE(0);
  const records = readBatches(Buffer.concat([plain, damaged, plain]));
  expect(records.length).toBe(7);
  expect(records[6]).toMatchObject({
    offset: String(base + 5n),
    unreadable: {
      baseOffset: String(base),
      lastOffset: String(base + 5n),
      detail: "checksum mismatch",
      bytes: damaged,
    },
  });
});

test("a search returns the records that contain a text, whatever the codec, and goes on after an unreadable batch", () => {
  const unknown = forged({ attributes: 7 });
  const all = Buffer.concat([unknown, ...batches.map(([, batch]) => batch), plain.subarray(0, 70)]);
  const { records, next } = searchBatches(all, Buffer.from("value 4:"));
  expect(records.map(({ key, unreadable }) => key?.toString() ?? unreadable?.lastOffset)).toEqual([
    String(unknown.readBigInt64BE(0) + 5n),
    ...batches.map(() => "key4"),
  ]);
  expect(next).toBe(batches.at(-1)![1].readBigInt64BE(0) + 6n);
  expect(searchBatches(all, Buffer.from("value 7:")).records.length).toBe(1);
  expect(searchBatches(plain.subarray(0, 70), Buffer.from("owl"))).toEqual({ records: [], next: undefined });
});

test("a header that occurs twice has both values, and a thousand headers take linear time", () => {
  const text = (value: string) => Buffer.concat([Buffer.from([2 * value.length]), Buffer.from(value)]);
  const varint = (value: number) => Buffer.from([((2 * value) & 0x7f) | 0x80, (2 * value) >> 7]);
  const header = (name: string) => Buffer.concat([text(name), text("v")]);
  const names = ["a", "a", ...Array.from({ length: 998 }, (_, index) => `h${index}`)];
  const fields = [Buffer.from([0, 0, 0, 1, 1]), varint(names.length), ...names.map(header)];
  const record = Buffer.concat(fields);
  const [read] = readBatches(forged({ count: 1, body: Buffer.concat([varint(record.length), record]) }));
  expect(read?.headers.a).toEqual([Buffer.from("v"), Buffer.from("v")]);
  expect(Object.keys(read?.headers ?? {}).length).toBe(999);
});

test("a batch of a hundred thousand records is read", () => {
  const record = Buffer.from([12, 0, 0, 0, 1, 1, 0]); // its length, then nothing but nulls
  const records = readBatches(forged({ count: 100_000, body: Buffer.concat(Array(100_000).fill(record)) }));
  expect(records.length).toBe(100_000);
  expect(records.at(-1)).toMatchObject({ key: null, value: null });
});

test("the decompressed size of a small batch is bounded, with every codec", () => {
  const hundredMiB = Buffer.alloc(100 * 1024 ** 2);
  for (const [codec, name, body] of [
    [1, "gzip", gzipSync(hundredMiB)],
    [2, "snappy", Buffer.from([0x80, 0x80, 0x80, 0x80, 0x04])], // a length of 1 GiB
    [3, "lz4", lz4Bomb(1_000_000)],
    [4, "zstd", zstdCompressSync(hundredMiB)],
  ] as const) {
    const { result, cpuMs } = timed(() => detailOf(forged({ attributes: codec, body })));
    expect(result).toStartWith(`${name}: `);
    expect(cpuMs).toBeLessThan(2_000);
  }
});

/** A frame of one block: one literal, and a copy of 255 bytes for each byte of its length. */
function lz4Bomb(lengthBytes: number): Buffer {
  const block = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), Buffer.alloc(lengthBytes, 255), Buffer.from([0])]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  return Buffer.concat([Buffer.from("04224d18604082", "hex"), size, block, Buffer.alloc(4)]);
}

test.each([
  ["an unknown codec", { attributes: 5 }, "compression codec 5 is unknown"],
  ["fewer records than its count", { count: 7 }, "the bytes are truncated"],
  ["a negative number of records", { count: -1 }, "-1 records, more than 250000"],
  ["more records than are kept in memory", { count: 250_001 }, "250001 records, more than 250000"],
  ["plain bytes for gzip", { attributes: 1 }, "gzip: incorrect header check"],
  ["plain bytes for LZ4", { attributes: 3 }, "lz4: not an LZ4 frame"],
])("a batch with %s is unreadable", (_, change, detail) => {
  expect(detailOf(forged(change))).toBe(detail);
});

test("any bytes in a batch with a correct checksum become records or a reason, quickly", () => {
  const change = fc.record({ at: fc.nat(400), byte: fc.integer({ min: 0, max: 255 }) });
  const body = fc.record({
    batch: fc.constantFrom(...batches.map(([, batch]) => batch)),
    changes: fc.array(change, { maxLength: 4 }),
    length: fc.nat(500),
  });
  fc.assert(
    fc.property(body, ({ batch, changes, length }) => {
      const bytes = Buffer.from(batch.subarray(61, 61 + length));
      for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
      const { result, cpuMs } = timed(() => readBatches(forged({ attributes: batch.readInt16BE(21), body: bytes })));
      expect(cpuMs).toBeLessThan(500);
      expect(result.length).toBeGreaterThan(0);
    }),
    { numRuns: 5_000 },
  );
});

test("decompress stays within its limit", () => {
  expect(() => decompress(4, zstdCompressSync(Buffer.alloc(1_001)), 1_000)).toThrow("zstd: ");
  expect(decompress(4, zstdCompressSync(Buffer.alloc(1_000)), 1_000).length).toBe(1_000);
});

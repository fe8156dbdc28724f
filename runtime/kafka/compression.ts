import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decompressLz4 } from "./lz4.ts";
import { decompressSnappy } from "./snappy.ts";

/** How large a record batch may become, in bytes: four times the largest that our topics take. */
export const maxBatchBytes = 64 * 1024 ** 2;

/**
 * The codecs by the number that a batch's attributes carry. LZ4 and snappy are our own: native add-ons are unpacked to
 * /tmp before they are loaded, which a read-only container does not allow, and those in JavaScript check no lengths.
 */
const codecs: readonly { name: string; decompress: (bytes: Buffer, maxBytes: number) => Buffer }[] = [
  { name: "none", decompress: (bytes) => bytes },
  { name: "gzip", decompress: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }) },
  { name: "snappy", decompress: decompressSnappy },
  { name: "lz4", decompress: decompressLz4 },
  { name: "zstd", decompress: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }) },
];

/**
 * The bytes that a Kafka codec compressed; 0 to 4 are known. Time and memory are bounded by the length of `bytes` and
 * by `maxBytes`.
 * @throws where the codec is unknown, and where it cannot decompress the bytes or would exceed the limit
 */
export function decompress(codec: number, bytes: Buffer, maxBytes = maxBatchBytes): Buffer {
  const known = codecs[codec];
  if (!known) throw new RangeError(`compression codec ${codec} is unknown`);
  try {
    return known.decompress(bytes, maxBytes);
  } catch (error) {
    throw new RangeError(`${known.name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

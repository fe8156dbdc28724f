import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decompressLz4 } from "./lz4.ts";
import { decompressSnappy } from "./snappy.ts";

/** The largest size of a decompressed record batch, in bytes: four times the largest message our topics accept. */
export const maxBatchBytes = 64 * 1024 ** 2;

/**
 * The codecs by their number in a batch's attributes. LZ4 and snappy are our own code: the native libraries are
 * unpacked to /tmp before they load, which a read-only container does not allow, and those in JavaScript do not check
 * lengths.
 */
const codecs: readonly { name: string; decompress: (bytes: Buffer, maxBytes: number) => Buffer }[] = [
  { name: "none", decompress: (bytes) => bytes },
  { name: "gzip", decompress: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength }) },
  { name: "snappy", decompress: decompressSnappy },
  { name: "lz4", decompress: decompressLz4 },
  { name: "zstd", decompress: (bytes, maxOutputLength) => zstdDecompressSync(bytes, { maxOutputLength }) },
];

/**
 * Decompresses bytes of a Kafka codec (0 to 4). Time and memory are bounded by the length of `bytes` and by `maxBytes`.
 * @throws RangeError if the codec is unknown, the bytes are invalid or the limit would be exceeded
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

import { boundedOutput } from "./bounded-output.ts";

/** The header of what Java producers send; librdkafka sends a single block without a header. */
const xerialMagic = Buffer.from("\x82SNAPPY\0", "latin1");
/** The magic, then a version and a compatible version of four bytes each. */
const xerialHeaderBytes = 16;

/**
 * Decompresses snappy, raw or in the blocks of Java's SnappyOutputStream, to at most `maxBytes`.
 * Our own code, since the libraries are native or do not check lengths (see compression.ts).
 * Source: github.com/google/snappy, format_description.txt; github.com/xerial/snappy-java, SnappyOutputStream.
 * @throws RangeError if the bytes are neither
 */
export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return decompressBlock(bytes, maxBytes);
  const blocks: Buffer[] = [];
  let left = maxBytes;
  for (let at = xerialHeaderBytes; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    at += 4;
    if (at + length > bytes.length) throw new RangeError("compressed bytes are truncated");
    const block = decompressBlock(bytes.subarray(at, at + length), left);
    blocks.push(block);
    left -= block.length;
    at += length;
  }
  return Buffer.concat(blocks);
}

/** One block: its decompressed length, then literals and copies of earlier output. */
function decompressBlock(block: Buffer, maxBytes: number): Buffer {
  let at = 0;
  let length = 0;
  for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
    if (shift > 28) throw new RangeError("not snappy");
    byte = block.readUInt8(at++);
    length += (byte & 0x7f) * 2 ** shift;
  }
  if (length > maxBytes) throw new RangeError(`decompresses to ${length} bytes, more than ${maxBytes}`);

  const output = boundedOutput(length, length);
  while (at < block.length) {
    const tag = block.readUInt8(at++);
    const upper = tag >> 2;
    const kind = tag & 3;
    if (kind === 0) {
      // A value of 60 or more gives the size of the length that follows.
      const sizeBytes = Math.max(0, upper - 59);
      const literals = (sizeBytes === 0 ? upper : block.readUIntLE(at, sizeBytes)) + 1;
      at += sizeBytes;
      output.literal(block, at, literals);
      at += literals;
    } else if (kind === 1) {
      output.copy(((upper >> 3) << 8) | block.readUInt8(at++), (upper & 7) + 4);
    } else {
      const distanceBytes = kind === 2 ? 2 : 4;
      output.copy(block.readUIntLE(at, distanceBytes), upper + 1);
      at += distanceBytes;
    }
  }
  const bytes = output.bytes();
  if (bytes.length !== length)
    throw new RangeError(`decompresses to ${bytes.length} bytes, but its header says ${length}`);
  return bytes;
}

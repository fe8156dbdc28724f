import { boundedOutput } from "./bounded-output.ts";

/** What Java producers put in front of their blocks; librdkafka sends one block and nothing else. */
const xerialMagic = Buffer.from("\x82SNAPPY\0", "latin1");
/** The magic, a version and a compatible version, four bytes each. */
const xerialHeaderBytes = 16;

/**
 * Decompresses snappy, raw or in the blocks of Java's SnappyOutputStream, to at most `maxBytes`.
 * Source: github.com/google/snappy, format_description.txt; github.com/xerial/snappy-java, SnappyOutputStream.
 * @throws RangeError where the bytes are neither
 */
export function decompressSnappy(bytes: Buffer, maxBytes: number): Buffer {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return decompressBlock(bytes, maxBytes);
  const blocks: Buffer[] = [];
  let left = maxBytes;
  for (let at = xerialHeaderBytes; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    at += 4;
    if (at + length > bytes.length) throw new RangeError("compressed bytes are cut off");
    const block = decompressBlock(bytes.subarray(at, at + length), left);
    blocks.push(block);
    left -= block.length;
    at += length;
  }
  return Buffer.concat(blocks);
}

/** One block: its length decompressed, then literals and copies of what was written before. */
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
      // From 60 on it says how many bytes the length takes.
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
    throw new RangeError(`decompresses to ${bytes.length} bytes where ${length} are announced`);
  return bytes;
}

import { type BoundedOutput, boundedOutput } from "./bounded-output.ts";

const magic = 0x184d2204;
const uncompressedBlock = 0x8000_0000;
const minMatch = 4;

/**
 * Decompresses one LZ4 frame to at most `maxBytes`. Its checksums are ignored: a record batch has its own.
 * Our own code, since the libraries are native or do not check lengths (see compression.ts).
 * Source: github.com/lz4/lz4, doc/lz4_Frame_format.md and doc/lz4_Block_format.md.
 * @throws RangeError if the bytes are not a valid frame
 */
export function decompressLz4(frame: Buffer, maxBytes: number): Buffer {
  if (frame.readUInt32LE(0) !== magic) throw new RangeError("not an LZ4 frame");
  const flags = frame.readUInt8(4);
  if (flags >> 6 !== 1) throw new RangeError("not version 1 of the LZ4 frame format");
  const [hasBlockChecksum, hasContentSize, hasDictionary] = [flags & 0x10, flags & 0x08, flags & 0x01];
  if (hasDictionary) throw new RangeError("the LZ4 frame needs a dictionary");

  const output = boundedOutput(4 * frame.length, maxBytes);
  let at = hasContentSize ? 15 : 7;
  for (;;) {
    const size = frame.readUInt32LE(at);
    if (size === 0) return output.bytes();
    const length = size % uncompressedBlock;
    at += 4;
    if (size >= uncompressedBlock) output.literal(frame, at, length);
    else decompressBlock(frame, at, length, output);
    at += length + (hasBlockChecksum ? 4 : 0);
  }
}

/** Appends one block: a series of literals, each but the last followed by a copy of earlier output. */
function decompressBlock(frame: Buffer, start: number, length: number, output: BoundedOutput): void {
  const end = start + length;
  if (end > frame.length) throw new RangeError("compressed bytes are truncated");
  let at = start;
  /** A length of four bits, continued in further bytes if all four are set. */
  const lengthFrom = (bits: number) => {
    let total = bits;
    for (let byte = bits === 15 ? 255 : 0; byte === 255; total += byte) byte = frame.readUInt8(at++);
    return total;
  };
  while (at < end) {
    const token = frame.readUInt8(at++);
    const literals = lengthFrom(token >> 4);
    output.literal(frame, at, literals);
    at += literals;
    if (at >= end) return;
    const distance = frame.readUInt16LE(at);
    at += 2;
    output.copy(distance, lengthFrom(token & 15) + minMatch);
  }
}

export interface Cursor {
  bytes: Buffer;
  at: number;
}

/**
 * Reads a zigzag variable-length integer, the encoding of numbers and lengths in Avro and in Kafka's records. Exact if
 * the result is a safe integer; the result for any other number is not a safe integer either.
 * @throws RangeError if the bytes end within the number, or it has more than 64 bits
 */
export function readVarint(cursor: Cursor): number {
  const first = byteOf(cursor);
  // The lowest bit is the sign. Without it, the magnitude of every safe integer is exact.
  let magnitude = (first & 0x7f) >> 1;
  for (let byte = first, factor = 64; byte >= 0x80; factor *= 128) {
    if (factor >= 2 ** 69) throw new RangeError("a number is too long");
    byte = byteOf(cursor);
    magnitude += (byte & 0x7f) * factor;
  }
  return first & 1 ? -magnitude - 1 : magnitude;
}

function byteOf(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++];
  if (byte === undefined) throw new RangeError("the bytes are truncated");
  return byte;
}

/** Writes a safe integer in the same encoding, byte by byte. */
export function writeVarint(value: number, put: (byte: number) => void): void {
  const isNegative = value < 0;
  const magnitude = isNegative ? -(value + 1) : value;
  let byte = ((magnitude % 64) << 1) | Number(isNegative);
  for (let rest = Math.floor(magnitude / 64); rest > 0; rest = Math.floor(rest / 128)) {
    put(byte | 0x80);
    byte = rest % 128;
  }
  put(byte);
}

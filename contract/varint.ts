export interface Cursor {
  bytes: Buffer;
  at: number;
}

/**
 * Reads a zigzag variable-length integer, the encoding of numbers and lengths in Avro and in Kafka's records; exact up
 * to 2^53.
 * @throws RangeError if the bytes end within the number, or it has more than 64 bits
 */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let factor = 1; factor < 2 ** 70; factor *= 128) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw new RangeError("the bytes are truncated");
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  throw new RangeError("a number is too long");
}

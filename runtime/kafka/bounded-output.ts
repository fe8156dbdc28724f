/** The output of an LZ77 decompressor: a buffer that grows up to a limit. */
export interface BoundedOutput {
  /** Appends a range of `source`, which must contain all of it. */
  literal(source: Buffer, from: number, length: number): void;
  /** Appends the bytes written `distance` bytes ago; source and destination may overlap. */
  copy(distance: number, length: number): void;
  bytes(): Buffer;
}

/** `expectedBytes` is the initial size, `maxBytes` the limit. @throws RangeError on an invalid length or distance */
export function boundedOutput(expectedBytes: number, maxBytes: number): BoundedOutput {
  let buffer = Buffer.allocUnsafe(Math.min(expectedBytes, maxBytes));
  let at = 0;

  const reserve = (length: number) => {
    const needed = at + length;
    if (needed > maxBytes) throw new RangeError(`decompresses to more than ${maxBytes} bytes`);
    if (needed <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(needed, 2 * buffer.length)));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };

  return {
    literal(source, from, length) {
      if (length < 0 || from + length > source.length) throw new RangeError("compressed bytes are truncated");
      reserve(length);
      source.copy(buffer, at, from, from + length);
      at += length;
    },
    copy(distance, length) {
      if (distance < 1 || distance > at) throw new RangeError("compressed bytes refer to data before their start");
      reserve(length);
      if (distance >= length) {
        buffer.copyWithin(at, at - distance, at - distance + length);
        at += length;
      } else {
        for (const end = at + length; at < end; at++) buffer[at] = buffer[at - distance]!;
      }
    },
    bytes: () => buffer.subarray(0, at),
  };
}

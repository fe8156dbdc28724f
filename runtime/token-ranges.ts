/** A part of the ring: the tokens greater than `after`, up to and including `upTo`. */
export interface TokenRange {
  after: bigint;
  upTo: bigint;
}

const ringStart = -(2n ** 63n); // Murmur3 assigns this token to no row
const ringEnd = 2n ** 63n - 1n;

/** The whole Murmur3 ring in `parts` contiguous ranges. */
export function splitRing(parts: number): TokenRange[] {
  const width = (ringEnd - ringStart) / BigInt(parts);
  return Array.from({ length: parts }, (_, index) => ({
    after: ringStart + width * BigInt(index),
    upTo: index === parts - 1 ? ringEnd : ringStart + width * BigInt(index + 1),
  }));
}

/** The two halves of a range; empty if it has only one token. */
export function halve({ after, upTo }: TokenRange): TokenRange[] {
  const middle = after + (upTo - after) / 2n;
  if (middle === after) return [];
  return [
    { after, upTo: middle },
    { after: middle, upTo },
  ];
}

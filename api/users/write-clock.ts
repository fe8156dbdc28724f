/** Returns write times in microseconds since 1970. */
export type WriteClock = (newerThan?: bigint) => bigint;

/**
 * A clock whose times strictly increase and are later than `newerThan`: a row whose write time is ahead of this clock can
 * still be edited, and two edits within one microsecond keep their order.
 */
export function writeClock(nowMs: () => number = Date.now): WriteClock {
  let last = 0n;
  return (newerThan = 0n) => {
    const now = BigInt(nowMs()) * 1_000n;
    last = now > last ? now : last + 1n;
    return last > newerThan ? last : newerThan + 1n;
  };
}

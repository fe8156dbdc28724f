import type { DeadLetter, Message } from "../stream/change.ts";

/** The share is taken over this many of a partition's last records; until then it is not checked. */
const windowRecords = 1_000;

interface Limits {
  /** The most consecutive dead letters allowed in a partition. */
  maxDeadLettersInARow: number;
  /** The largest share of dead letters allowed among a partition's last thousand records, from 0 to 1. */
  maxDeadLetterShare: number;
}

/** The outcomes of a partition's records up to an offset. */
interface Counts {
  upTo: bigint;
  inARow: number;
  seen: number;
  /** 1 for each dead letter among the last records, indexed by record number modulo the window. */
  recent: Uint8Array;
  recentDead: number;
}

/**
 * Distinguishes a bad deployment, which would dead-letter a whole topic, from individual bad records: counts the
 * outcomes of each partition's records since the process started.
 */
export function openDeadLetterLimit({ maxDeadLettersInARow, maxDeadLetterShare }: Limits) {
  const partitions = new Map<string, Counts>();

  function reached({ inARow, seen, recentDead }: Counts): string | undefined {
    if (inARow > maxDeadLettersInARow)
      return `more than ${maxDeadLettersInARow} in a row (consumer.maxDeadLettersInARow)`;
    if (seen >= windowRecords && recentDead > maxDeadLetterShare * windowRecords)
      return `more than ${maxDeadLetterShare * 100} % of the last ${windowRecords} records (consumer.maxDeadLetterShare)`;
    return undefined;
  }

  /**
   * Counts the records of a slice; a record that is read again is counted once. If the limit would be exceeded, counts
   * none of them and returns why: none of `letters` may be sent then.
   */
  return function excess(
    { topic, partition }: { topic: string; partition: number },
    slice: readonly Message[],
    letters: readonly DeadLetter[],
  ): string | undefined {
    const name = `${topic}/${partition}`;
    const known = partitions.get(name);
    const counts: Counts = known
      ? { ...known, recent: known.recent.slice() }
      : { upTo: -1n, inARow: 0, seen: 0, recent: new Uint8Array(windowRecords), recentDead: 0 };
    const reasons = new Map(letters.map(({ message, reason }) => [message.offset, reason]));
    for (const { offset } of slice) {
      if (BigInt(offset) <= counts.upTo) continue;
      const reason = reasons.get(offset);
      count(counts, BigInt(offset), reason !== undefined);
      const limit = reason && reached(counts);
      if (limit)
        return (
          `too many dead letters, ${limit}, the last of them at offset ${offset}: ${reason}. Fix what writes these ` +
          "records or what reads them, or raise that limit, and restart the consumer"
        );
    }
    partitions.set(name, counts);
    return undefined;
  };
}

function count(counts: Counts, offset: bigint, isDead: boolean) {
  const place = counts.seen % windowRecords;
  counts.recentDead += Number(isDead) - counts.recent[place]!;
  counts.recent[place] = Number(isDead);
  counts.seen++;
  counts.inARow = isDead ? counts.inARow + 1 : 0;
  counts.upTo = offset;
}

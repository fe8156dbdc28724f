import type { Reason } from "../contract/topics.ts";
import type { Message } from "../stream/change.ts";
import { readLetter } from "./dead-letters/letter.ts";
import { type Clients, type Records, rangeOf, readRange } from "./topic-log.ts";

/** The records that have a dead letter, by their own position: they were not applied. */
export interface DeadLetterPositions {
  /** Why the record at this position was not applied; undefined if it has no dead letter. */
  reasonAt(topic: string, partition: number, offset: bigint): Reason | undefined;
}

interface Batch {
  first: bigint;
  last: bigint;
}

/** Reads all dead letters there are now. Of each it keeps the position; those without one are of other origin. */
export async function readDeadLetterPositions(
  clients: Clients,
  deadLetterTopic: string,
  stop?: AbortSignal,
): Promise<DeadLetterPositions> {
  const reasons = new Map<string, Map<bigint, Reason>>();
  const batches = new Map<string, Batch[]>();
  const keyOf = (topic: string, partition: number) => `${topic}/${partition}`;

  function remember(message: Message, at: number) {
    const { origin, lastOffset, reason } = readLetter(message, at);
    if (origin === null) return;
    const key = keyOf(origin.topic, origin.partition);
    if (lastOffset !== null) {
      const batch = { first: BigInt(origin.offset), last: BigInt(lastOffset) };
      batches.set(key, [...(batches.get(key) ?? []), batch]);
      return;
    }
    const known = reasons.get(key) ?? new Map<bigint, Reason>();
    reasons.set(key, known.set(BigInt(origin.offset), reason as Reason));
  }

  const range = await rangeOf(clients.admin, [deadLetterTopic]);
  const each = ({ messages, partition }: Records) => {
    for (const message of messages) remember(message, partition);
  };
  await readRange(clients, range, each, { isSkipped: () => true, stop });
  return {
    reasonAt(topic, partition, offset) {
      const key = keyOf(topic, partition);
      const inBatch = batches.get(key)?.some(({ first, last }) => first <= offset && offset <= last);
      return inBatch ? "unreadable_batch" : reasons.get(key)?.get(offset);
    },
  };
}

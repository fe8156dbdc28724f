import { deadLetterHeaders, type Reason } from "../contract/topics.ts";
import type { Headers, Message } from "../stream/change.ts";
import { type Clients, rangeOf, readRange } from "./topic-log.ts";

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

  function remember({ headers = {} }: Message) {
    const text = (name: keyof typeof deadLetterHeaders) => lastText(headers, deadLetterHeaders[name]);
    const [topic, partition, offset, reason] = [text("topic"), text("partition"), text("offset"), text("reason")];
    if (topic === undefined || !isNumber(partition) || !isNumber(offset) || reason === undefined) return;
    const key = keyOf(topic, Number(partition));
    const lastOffset = text("lastOffset");
    if (reason === "unreadable_batch" && isNumber(lastOffset)) {
      const batch = { first: BigInt(offset), last: BigInt(lastOffset) };
      batches.set(key, [...(batches.get(key) ?? []), batch]);
      return;
    }
    const known = reasons.get(key) ?? new Map<bigint, Reason>();
    reasons.set(key, known.set(BigInt(offset), reason as Reason));
  }

  const range = await rangeOf(clients.admin, [deadLetterTopic]);
  await readRange(clients, range, ({ messages }) => messages.forEach(remember), { isSkipped: () => true, stop });
  return {
    reasonAt(topic, partition, offset) {
      const key = keyOf(topic, partition);
      const inBatch = batches.get(key)?.some(({ first, last }) => first <= offset && offset <= last);
      return inBatch ? "unreadable_batch" : reasons.get(key)?.get(offset);
    },
  };
}

const isNumber = (text: string | undefined): text is string => text !== undefined && /^\d{1,18}$/.test(text);

/** The last value of a header, which is the one added to the original's. */
function lastText(headers: Headers, name: string): string | undefined {
  const value = [headers[name] ?? null].flat().at(-1);
  return value?.toString();
}

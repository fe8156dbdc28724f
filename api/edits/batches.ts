import { unavailable } from "../problem.ts";

/** A record to be sent. */
interface Sized {
  key: string;
  value: Buffer;
}

interface Waiting<Item> {
  item: Item;
  done: PromiseWithResolvers<void>;
}

/** A topic's own limit for a batch is 1 MB; kafkajs groups the records of a send in quadratic time. */
const defaultLimits = { maxBatchItems: 500, maxBatchBytes: 500_000, maxWaitingBytes: 4 * 1024 * 1024 };

/**
 * Sends items one batch at a time: what arrives while a batch is on its way goes with the next one. So a single item is
 * sent at once, and under load the number of requests does not rise. What `add` returns settles with the item's batch;
 * it throws the 503 problem at once if too much is waiting.
 */
export function openBatches<Item extends Sized>(send: (batch: Item[]) => Promise<void>, limits = defaultLimits) {
  const waiting: Waiting<Item>[] = [];
  let waitingBytes = 0;
  let isSending = false;

  function next(): Waiting<Item>[] {
    let [count, bytes] = [0, 0];
    for (const { item } of waiting) {
      if (count === limits.maxBatchItems || (count > 0 && bytes + sizeOf(item) > limits.maxBatchBytes)) break;
      count++;
      bytes += sizeOf(item);
    }
    waitingBytes -= bytes;
    return waiting.splice(0, count);
  }

  async function sendAll() {
    if (isSending) return;
    isSending = true;
    while (waiting.length > 0) {
      const batch = next();
      try {
        await send(batch.map(({ item }) => item));
        for (const { done } of batch) done.resolve();
      } catch (error) {
        for (const { done } of batch) done.reject(error);
      }
    }
    isSending = false;
  }

  return async (item: Item): Promise<void> => {
    if (waitingBytes + sizeOf(item) > limits.maxWaitingBytes)
      throw unavailable(undefined, "too many edits are waiting for Kafka; nothing was changed");
    const done = Promise.withResolvers<void>();
    waiting.push({ item, done });
    waitingBytes += sizeOf(item);
    void sendAll();
    await done.promise;
  };
}

const sizeOf = ({ key, value }: Sized) => key.length + value.length;

import { deadLetterHeaders } from "../contract/topics.ts";
import type { Log } from "../runtime/log.ts";
import { retry } from "../runtime/retry.ts";
import type { DeadLetter } from "./change.ts";
import type { Metrics } from "./metrics.ts";

/** What one request to the dead-letter topic carries at most, unless a single letter is larger. */
const maxRequestBytes = 512 * 1024;

/** A record of the dead-letter topic: the original's key and value, and where it came from and why in the headers. */
export interface Letter {
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, string>;
}

/** Where a slice of records was read. */
export interface Origin {
  topic: string;
  partition: number;
}

export interface DeadLetters {
  /** Resolves once the broker acknowledged every letter; tries again until `stop`, and throws what cannot pass. */
  send(origin: Origin, letters: readonly DeadLetter[], stop: AbortSignal): Promise<void>;
}

interface Dependencies {
  /** Sends letters, and resolves once all in-sync replicas have them. */
  send: (letters: Letter[]) => Promise<unknown>;
  isTransient: (error: unknown) => boolean;
  /** The name of the dead-letter topic. */
  topic: string;
  metrics: Pick<Metrics, "deadLetters" | "retries">;
  log: Log;
}

export function openDeadLetters({ send, isTransient, topic, metrics, log }: Dependencies): DeadLetters {
  return {
    async send(origin, letters, stop) {
      for (const request of requestsOf(letters)) {
        await retry(() => send(request.map((letter) => letterOf(origin, letter))), {
          what: `write to ${topic}`,
          while: isTransient,
          stop,
          log,
          between: () => metrics.retries.inc({ what: "dead_letter" }),
        });
        for (const [reason, count] of Object.entries(Object.groupBy(request, ({ reason }) => reason)))
          metrics.deadLetters.inc({ topic: origin.topic, reason }, count.length);
      }
      const [first] = letters;
      if (first)
        log.warn("dead-lettered", {
          ...origin,
          count: letters.length,
          offset: first.message.offset,
          reason: first.reason,
        });
    },
  };
}

const letterOf = ({ topic, partition }: Origin, { message, reason, detail }: DeadLetter): Letter => ({
  key: message.key,
  value: message.value,
  headers: {
    [deadLetterHeaders.reason]: reason,
    [deadLetterHeaders.detail]: detail,
    [deadLetterHeaders.topic]: topic,
    [deadLetterHeaders.partition]: String(partition),
    [deadLetterHeaders.offset]: message.offset,
  },
});

/** Cuts letters into requests that the broker takes: at most `maxBytes` of originals each, or one letter. Pure. */
export function* requestsOf(letters: readonly DeadLetter[], maxBytes = maxRequestBytes): Generator<DeadLetter[]> {
  let request: DeadLetter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    const size = (letter.message.key?.length ?? 0) + (letter.message.value?.length ?? 0) + letter.detail.length + 200;
    if (request.length > 0 && bytes + size > maxBytes) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(letter);
    bytes += size;
  }
  if (request.length > 0) yield request;
}

import { deadLetterHeaders } from "../contract/topics.ts";
import { nullHeader } from "../runtime/kafka/null-headers.ts";
import type { Log } from "../runtime/log.ts";
import { retry } from "../runtime/retry.ts";
import type { DeadLetter, Headers } from "../stream/change.ts";
import type { Metrics } from "./metrics.ts";

/** The largest request to the dead-letter topic, unless a single letter is larger. */
const maxRequestBytes = 512 * 1024;

/** A record of the dead-letter topic: the original's key, value and headers, plus its origin and the reason. */
export interface Letter {
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, (Buffer | string)[]>;
}

/** The topic and partition that a slice was read from. */
export interface Origin {
  topic: string;
  partition: number;
}

export interface DeadLetters {
  /** Resolves once the broker has acknowledged every letter; retries until `stop` and throws permanent errors. */
  send(origin: Origin, letters: readonly DeadLetter[], stop: AbortSignal): Promise<void>;
}

interface Dependencies {
  /** Sends letters; resolves once all in-sync replicas have them. */
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
      for (const [reason, group] of Object.entries(Object.groupBy(letters, ({ reason }) => reason))) {
        const [first, last] = [group[0]!.message.offset, group.at(-1)!.message.offset];
        log.warn("dead-lettered", { ...origin, reason, count: group.length, firstOffset: first, lastOffset: last });
      }
    },
  };
}

const letterOf = ({ topic, partition }: Origin, { message, reason, detail }: DeadLetter): Letter => ({
  key: message.key,
  value: message.value,
  headers: headersOf(message.headers, {
    [deadLetterHeaders.topic]: topic,
    [deadLetterHeaders.partition]: String(partition),
    [deadLetterHeaders.offset]: message.offset,
    [deadLetterHeaders.reason]: reason,
    [deadLetterHeaders.detail]: detail,
    [deadLetterHeaders.timestamp]: message.timestamp,
  }),
});

/** The original's headers followed by ours; neither replaces the other. */
function headersOf(original: Headers = {}, ours: Record<string, string>): Letter["headers"] {
  const headers: Letter["headers"] = Object.create(null); // so that "__proto__" is an ordinary name
  for (const [name, value] of [...Object.entries(original), ...Object.entries(ours)])
    headers[name] = [...(headers[name] ?? []), ...[value].flat().map((each) => each ?? nullHeader)];
  return headers;
}

/** Splits letters into requests that the broker accepts: at most `maxBytes` of originals each, or one letter. Pure. */
export function* requestsOf(letters: readonly DeadLetter[], maxBytes = maxRequestBytes): Generator<DeadLetter[]> {
  let request: DeadLetter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    const size = sizeOf(letter);
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

/** The approximate size of a letter in a request: the original and our headers. */
function sizeOf({ message: { key, value, headers = {} }, detail }: DeadLetter): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0) + detail.length + 250;
  for (const [name, values] of Object.entries(headers))
    for (const each of [values].flat()) size += name.length + (each?.length ?? 0) + 4;
  return size;
}

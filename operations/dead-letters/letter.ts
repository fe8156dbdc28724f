import { z } from "zod";
import { idField } from "../../contract/entity.ts";
import { deadLetterHeaders, formerDeadLetterHeaders, type Reason, replayHeaders } from "../../contract/topics.ts";
import type { Headers, Message } from "../../stream/change.ts";

/** The position of a record. */
export interface Place {
  topic: string;
  partition: number;
  offset: string;
}

/**
 * What a record of the dead-letter topic says about its original. Anybody may have written it: what is missing or
 * impossible is null, and text is shortened and has no control characters.
 */
export interface Letter {
  /** Its own position in the dead-letter topic. */
  partition: number;
  offset: string;
  /** When it was written, in milliseconds since 1970. */
  writtenMs: number;
  /** A reason of the contract, or whatever a foreign letter says. */
  reason: string;
  detail: string;
  /** Where the original is; of a batch, its first record. */
  origin: Place | null;
  /** The last offset of a batch. */
  lastOffset: string | null;
  /** When the original was produced, in milliseconds since 1970. */
  producedMs: number | null;
  /** Why a batch was skipped. */
  because: string | null;
  /** How often the record had been replayed before it failed once more. */
  replays: number;
  /** The original's key, value and headers, the letter's own headers among these. */
  message: Message;
}

/** The reason of a letter that has none. */
const noReason = "unknown";

const maxReasonLength = 200;
const maxTextLength = 2_000;

type Names = Record<keyof typeof deadLetterHeaders, string>;

/** Reads any record of the dead-letter topic, also one of version 1.0 or of Kafka Connect. */
export function readLetter(message: Message, partition: number): Letter {
  const { offset, timestamp, headers = {} } = message;
  const names = namesIn(headers);
  const reason = textOf(headers, names.reason, maxReasonLength) || noReason;
  const isBatch = reason === ("unreadable_batch" satisfies Reason);
  return {
    partition,
    offset,
    writtenMs: Number(timestamp),
    reason,
    detail: textOf(headers, names.detail) ?? "",
    origin: originOf(headers, names),
    lastOffset: isBatch ? wholeNumber(headers, names.lastOffset, maxOffset) : null,
    producedMs: numberOf(headers, names.timestamp, maxTimeMs),
    because: isBatch ? textOf(headers, names.because) : null,
    replays: numberOf(headers, replayHeaders.attempt, maxReplays) ?? 0,
    message,
  };
}

const Id = z.guid().toLowerCase();

/** The id of a user in a record's key: text, or Debezium's JSON. */
export function idIn(key: Buffer | null): string | undefined {
  const text = key?.toString() ?? "";
  try {
    const id = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>)[idField] : text;
    return Id.safeParse(id).data;
  } catch {
    return undefined;
  }
}

/** The original's headers: those of a record's letter without the ones that were added. */
export function originalHeaders(headers: Headers = {}): Record<string, (Buffer | null)[]> {
  const { lastOffset: _, because: __, ...names } = namesIn(headers); // only a batch's
  const added = new Set<string>(Object.values(names));
  const original: Record<string, (Buffer | null)[]> = Object.create(null); // so that "__proto__" is an ordinary name
  for (const [name, values] of Object.entries(headers)) {
    const own = added.has(name) ? [values].flat().slice(0, -1) : [values].flat();
    if (own.length > 0) original[name] = own;
  }
  return original;
}

/**
 * The names of the added headers. An original may itself have headers of the other version's names; the added ones come
 * last.
 */
function namesIn(headers: Headers): Names {
  const order = Object.keys(headers);
  const [current, former] = [deadLetterHeaders, formerDeadLetterHeaders].map(({ topic }) => order.lastIndexOf(topic));
  const [likely, other] =
    former! > current! ? [formerDeadLetterHeaders, deadLetterHeaders] : [deadLetterHeaders, formerDeadLetterHeaders];
  return originOf(headers, likely) || !originOf(headers, other) ? likely : other;
}

function originOf(headers: Headers, names: Names): Place | null {
  const topic = textOf(headers, names.topic);
  const partition = numberOf(headers, names.partition, maxPartition);
  const offset = wholeNumber(headers, names.offset, maxOffset);
  if (topic === null || partition === null || offset === null) return null;
  return /^[\w.-]{1,249}$/.test(topic) ? { topic, partition, offset } : null;
}

const maxPartition = 2n ** 31n - 1n;
const maxOffset = 2n ** 63n - 1n;
/** The range of JavaScript's Date. */
const maxTimeMs = 8_640_000_000_000_000n;
const maxReplays = 1_000_000n;

const lastValue = (headers: Headers, name: string) => [headers[name]].flat().at(-1) ?? null;

function textOf(headers: Headers, name: string, maxLength = maxTextLength): string | null {
  const bytes = lastValue(headers, name);
  return bytes && readable(bytes.subarray(0, maxLength).toString());
}

/** Text from elsewhere, safe to print on a terminal. */
export const readable = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\uFFFD");

function wholeNumber(headers: Headers, name: string, max: bigint): string | null {
  const text = lastValue(headers, name)?.subarray(0, 20).toString() ?? "";
  return /^\d{1,19}$/.test(text) && BigInt(text) <= max ? String(BigInt(text)) : null;
}

function numberOf(headers: Headers, name: string, max: bigint): number | null {
  const text = wholeNumber(headers, name, max);
  return text === null ? null : Number(text);
}

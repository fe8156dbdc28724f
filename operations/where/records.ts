import { idField, timeField } from "../../contract/entity.ts";
import type { User } from "../../contract/user.ts";
import { editReaderOf, newerEditFields } from "../../contract/user-edits.ts";
import { decode, isRejected, schemaIdOf } from "../../contract/wire.ts";
import type { UnreadableBatch } from "../../runtime/kafka/record-batch.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Registry } from "../../runtime/registry.ts";
import type { Change, Route } from "../../stream/change.ts";
import { openSchemas, readersOf } from "../../stream/schemas.ts";
import { readChangeEvent } from "../../stream/user-changes/change-events.ts";
import { openUserEditsRoute } from "../../stream/user-edits/route.ts";
import { readable, readLetter } from "../dead-letters/letter.ts";
import { settlementKey } from "../dead-letters/settlement.ts";
import type { FoundRecord } from "./topic-search.ts";

/** A record as it is in its topic, and as it reads. */
export interface Content {
  key: string | null;
  /** The bytes of the value in base64, the first `maxContentBytes` of them; null for none. */
  value: string | null;
  /** How many bytes the value has. */
  bytes: number;
  /** The decoded value; null if it cannot be decoded. */
  decoded: unknown;
}

const maxContentBytes = 16 * 1024;

function contentOf({ key, value }: Pick<FoundRecord["record"], "key" | "value">, decoded: unknown): Content {
  return {
    key: key && readable(key.subarray(0, 1_000).toString()),
    value: value ? value.subarray(0, maxContentBytes).toString("base64") : null,
    bytes: value?.length ?? 0,
    decoded: decoded ?? null,
  };
}

/** A record of a topic, and what it does to the row. */
export interface Seen {
  topic: string;
  partition: number;
  offset: bigint;
  /** When it was produced, in milliseconds since 1970. */
  producedMs: number;
  schemaId?: number;
  content?: Content;
  change?: Change;
  /** Why it changes nothing. */
  unfit?: string;
  /** What was done in PostgreSQL: insert, update, delete, snapshot. */
  operation?: string;
  /** Who made an edit, and its request's id. */
  edit?: { author: string | null; requestId: string };
  /** Other times that the record tells, in milliseconds since 1970. */
  times: number[];
}

interface Dependencies {
  registry: Registry;
  log: Log;
}

/** A record of the dead-letter topic. */
export interface SeenLetter {
  topic: string;
  partition: number;
  offset: bigint;
  writtenMs: number;
  reason: string;
  detail: string;
  /** Where the original was. */
  source: { topic: string; partition: number; offset: bigint } | null;
  /** When the original was produced, in milliseconds since 1970; null if the letter does not say so. */
  producedMs: number | null;
  content: Content;
  /** Identifies it in the topic of settlements. */
  settlementKey: string;
}

const positionOf = ({ topic, partition, record }: FoundRecord) => ({
  topic,
  partition,
  offset: BigInt(record.offset),
  producedMs: Number(record.timestamp),
});

/** Why the record of an unreadable batch changes nothing. */
const unreadableText = ({ baseOffset, lastOffset, detail }: UnreadableBatch) =>
  `offsets ${baseOffset} to ${lastOffset}, perhaps of others, cannot be read: ${detail}`;

/** How long the Schema Registry may take, in milliseconds. */
const answerWithinMs = 3_000;

/** Records in Avro, decoded as the consumer does. */
export function seeAvro(found: readonly FoundRecord[], route: Route): Promise<Seen[]> {
  return Promise.all(
    found.map(async (each): Promise<Seen> => {
      const schemaId = schemaIdOf(each.record.value);
      const seen = {
        ...positionOf(each),
        ...(typeof schemaId === "number" && { schemaId }),
        times: [],
      };
      if (each.record.unreadable) return { ...seen, unfit: unreadableText(each.record.unreadable) };
      try {
        const stop = AbortSignal.timeout(answerWithinMs);
        const { writes, letters, held } = await route([each.record], stop, each.partition);
        const [write, letter] = [writes[0], letters[0]];
        const content = contentOf(each.record, write?.change.kind === "upsert" ? write.change.user : null);
        if (write) return { ...seen, content, change: write.change };
        return {
          ...seen,
          content,
          unfit: letter ? `${letter.reason}: ${letter.detail}` : (held?.why ?? "changes nothing"),
        };
      } catch (error) {
        return { ...seen, content: contentOf(each.record, null), unfit: `cannot be decoded: ${messageOf(error)}` };
      }
    }),
  );
}

/** Edits made through the API, with who made them. */
export async function seeEdits(found: readonly FoundRecord[], { registry, log }: Dependencies): Promise<Seen[]> {
  const shared = { registry, log, maxAheadMs: Number.MAX_SAFE_INTEGER, note: () => {} };
  const schemasFor = openSchemas({ registry, readerOf: editReaderOf, newerFields: newerEditFields, log });
  const seen = await seeAvro(found, openUserEditsRoute(shared));
  return Promise.all(
    seen.map(async (each, index) => {
      const record = found[index]?.record;
      if (!record || !each.change) return each;
      const edit = decode(record.value, readersOf(await schemasFor([record], AbortSignal.timeout(answerWithinMs))));
      if (isRejected(edit)) return each;
      const content = contentOf(record, edit);
      return { ...each, content, edit: { author: edit.author, requestId: edit.request_id } };
    }),
  );
}

const operations: Readonly<Record<string, string>> = { c: "insert", u: "update", d: "delete", r: "snapshot" };

/**
 * Change events of a row in order. As the consumer dates them: by the commit, but later than the row's previous change.
 */
export function seeChanges(found: readonly FoundRecord[]): Seen[] {
  let lastMicros = Number.NEGATIVE_INFINITY;
  return found
    .filter(({ record }) => record.value !== null || record.unreadable) // a tombstone follows each delete
    .map((each) => {
      if (each.record.unreadable)
        return { ...positionOf(each), times: [], unfit: unreadableText(each.record.unreadable) };
      const event = readChangeEvent(each.record);
      const { operation, times, decoded } = envelopeOf(each.record.value);
      const content = contentOf(each.record, decoded);
      const seen = { ...positionOf(each), content, times, ...(operation && { operation }) };
      if (event.kind === "read") return { ...seen, change: event.change };
      if (event.kind === "rejected") return { ...seen, unfit: `${event.reason}: ${event.detail}` };
      if (event.kind === "nothing") return { ...seen, unfit: "changes nothing" };
      const writeTimeMicros = Math.max(event.at.commitMicros, lastMicros + 1);
      lastMicros = writeTimeMicros;
      return { ...seen, change: { ...event.change, writeTimeMicros } };
    });
}

/** What a change event tells beside the change; nothing if it is not one. */
function envelopeOf(value: Buffer | null): { operation?: string; times: number[]; decoded?: unknown } {
  try {
    const decoded = JSON.parse(String(value)) as Record<string, Record<string, unknown> | null> & { op: string };
    const { op, before, after } = decoded;
    const times = [before, after].map((row) => Date.parse(String(row?.[timeField])));
    return { operation: operations[op] ?? op, times: times.filter((time) => !Number.isNaN(time)), decoded };
  } catch {
    return { times: [] };
  }
}

export const seeLetters = (found: readonly FoundRecord[]): SeenLetter[] =>
  found
    .filter(({ record }) => !record.unreadable)
    .map((each) => {
      const letter = readLetter(each.record, each.partition);
      const { writtenMs, reason, detail, origin, producedMs } = letter;
      const { topic, partition, offset } = positionOf(each);
      const source = origin && { ...origin, offset: BigInt(origin.offset) };
      return {
        topic,
        partition,
        offset,
        writtenMs,
        reason,
        detail,
        source,
        producedMs,
        content: contentOf(each.record, jsonOf(each.record.value)),
        settlementKey: settlementKey(letter),
      };
    });

function jsonOf(value: Buffer | null): unknown {
  if (!value || value.length > maxContentBytes) return null;
  try {
    return JSON.parse(String(value));
  } catch {
    return null;
  }
}

/** A field that a change gave another value. */
export interface FieldChange {
  field: string;
  from: unknown;
  to: unknown;
}

/** What a newer row has that an older one had not. */
export function differences(older: User, newer: User, kept: readonly string[] = []): FieldChange[] {
  return (Object.keys(newer) as (keyof User)[])
    .filter((field) => field !== idField && !kept.includes(field) && !Bun.deepEquals(older[field], newer[field]))
    .map((field) => ({ field, from: older[field], to: newer[field] }));
}

import { buf as crc32c } from "crc-32/crc32c";
import { type Cursor, readVarint } from "../../contract/varint.ts";
import { decompress, maxBatchBytes } from "./compression.ts";

/** A record in the form that kafkajs returns: offset and time (milliseconds) are decimal text. */
export interface FetchedRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Header | Header[]>;
  offset: string;
  timestamp: string;
  isControlRecord: boolean;
  batchContext: { producerId: string; inTransaction: boolean };
  /** Set if this is a placeholder for an unreadable batch; it is then the last record fetched of its partition. */
  unreadable?: UnreadableBatch;
}

type Header = Buffer | null;

/** A batch that is on the broker but cannot be decoded. */
export interface UnreadableBatch {
  baseOffset: string;
  lastOffset: string;
  detail: string;
  /** The whole batch as sent by the broker. */
  bytes: Buffer;
}

/** The unreadable batch after a partition's fetched records, if any. */
export const unreadableAfter = (records: readonly object[]): UnreadableBatch | undefined =>
  (records.at(-1) as FetchedRecord | undefined)?.unreadable;

// Byte positions of the fields in a batch of version 2. Source: kafka.apache.org, "Record Batch".
const at = {
  length: 8,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const;
const lengthEnd = 12;
const flags = { codec: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/** A batch with more records is unreadable: they would all be in memory at once. */
const maxBatchRecords = 250_000;

/**
 * Decodes consecutive batches; one that is incomplete at the end is left for the next fetch. Decoding stops at the
 * first unreadable batch, with a placeholder record for it. Once the batches have expanded to `maxBatchBytes`, the
 * remaining ones are left for the next fetch too. Our own code, for the reasons in fetch-response.ts.
 */
export function readBatches(bytes: Buffer): FetchedRecord[] {
  const records: FetchedRecord[] = [];
  let expandedBytes = 0;
  for (const batch of batchesIn(bytes)) {
    if (expandedBytes >= maxBatchBytes) break;
    try {
      expandedBytes += readBatch(batch, records);
    } catch (error) {
      records.push(unreadableRecord(batch, error));
      break;
    }
  }
  return records;
}

/**
 * The records of consecutive batches whose key or value contains `text` (all, if it is empty), all control records, and a
 * placeholder for each unreadable batch; and the offset after the last whole batch, if there is one. Batches without the text are not decoded.
 */
export function searchBatches(bytes: Buffer, text: Buffer): { records: FetchedRecord[]; next?: bigint } {
  const records: FetchedRecord[] = [];
  const contains = (part: Buffer | null) => part?.includes(text) ?? text.length === 0;
  let next: bigint | undefined;
  for (const batch of batchesIn(bytes)) {
    const read: FetchedRecord[] = [];
    try {
      const attributes = batch.readInt16BE(at.attributes);
      const body = decompress(attributes & flags.codec, batch.subarray(at.records));
      if (attributes & flags.control || body.includes(text)) readBatch(batch, read);
      records.push(
        ...read.filter(({ key, value, isControlRecord }) => isControlRecord || contains(key) || contains(value)),
      );
    } catch (error) {
      records.push(unreadableRecord(batch, error));
    }
    next = batch.readBigInt64BE(0) + BigInt(Math.max(0, batch.readInt32BE(at.lastOffsetDelta))) + 1n;
  }
  return { records, next };
}

/** The whole batches in some bytes; the last one may have an impossible length, and is then the rest of the bytes. */
function* batchesIn(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start + at.records <= bytes.length; ) {
    const end = start + lengthEnd + bytes.readInt32BE(start + at.length);
    if (end > bytes.length) return;
    // With an impossible length there is no way to find the start of the next batch.
    if (end - start < at.records) return yield bytes.subarray(start);
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Appends all of a batch's records or none, and returns their size in bytes. */
function readBatch(batch: Buffer, records: FetchedRecord[]): number {
  const attributes = batch.readInt16BE(at.attributes);
  const count = batch.readInt32BE(at.count);
  if (batch.readInt8(at.magic) !== 2) throw new RangeError(`record batch version ${batch.readInt8(at.magic)}`);
  if (crc32c(batch.subarray(at.attributes)) !== batch.readInt32BE(at.crc)) throw new RangeError("checksum mismatch");
  if (count < 0 || count > maxBatchRecords) throw new RangeError(`${count} records, more than ${maxBatchRecords}`);
  const body = decompress(attributes & flags.codec, batch.subarray(at.records));
  const context: BatchContext = {
    baseOffset: batch.readBigInt64BE(0),
    firstTimestamp: Number(batch.readBigInt64BE(at.firstTimestamp)),
    appendTime: attributes & flags.logAppendTime ? String(batch.readBigInt64BE(at.maxTimestamp)) : undefined,
    isControlRecord: (attributes & flags.control) !== 0,
    batchContext: {
      producerId: String(batch.readBigInt64BE(at.producerId)),
      inTransaction: (attributes & flags.transactional) !== 0,
    },
  };
  const read: FetchedRecord[] = [];
  const cursor = { bytes: body, at: 0 };
  for (let index = 0; index < count; index++) read.push(readRecord(cursor, context));
  for (const record of read) records.push(record);
  return body.length;
}

interface BatchContext extends Pick<FetchedRecord, "isControlRecord" | "batchContext"> {
  baseOffset: bigint;
  firstTimestamp: number;
  /** When the broker appended the batch, if its topic uses LogAppendTime instead of the producer's time. */
  appendTime: string | undefined;
}

function readRecord(
  cursor: Cursor,
  { baseOffset, firstTimestamp, appendTime, ...context }: BatchContext,
): FetchedRecord {
  const length = readVarint(cursor);
  const end = cursor.at + length;
  if (length < 0 || end > cursor.bytes.length) throw new RangeError("a record is truncated");
  cursor.at += 1; // attributes, which are unused so far
  const timestampDelta = readVarint(cursor);
  const offset = String(baseOffset + BigInt(readVarint(cursor)));
  const key = readBytes(cursor, end);
  const value = readBytes(cursor, end);
  const headers = readHeaders(cursor, end);
  if (cursor.at !== end) throw new RangeError(`the record at offset ${offset} has the wrong length`);
  return { key, value, headers, offset, timestamp: appendTime ?? String(firstTimestamp + timestampDelta), ...context };
}

/** As in kafkajs, the values of a header that occurs more than once are in an array. */
function readHeaders(cursor: Cursor, end: number): FetchedRecord["headers"] {
  const headers: FetchedRecord["headers"] = Object.create(null); // so that "__proto__" is an ordinary name
  const count = readVarint(cursor);
  for (let index = 0; index < count; index++) {
    const name = readBytes(cursor, end)?.toString() ?? "";
    const value = readBytes(cursor, end);
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else headers[name] = [known, value];
  }
  return headers;
}

/** Length-prefixed bytes; a length of -1 is null. */
function readBytes(cursor: Cursor, end: number): Buffer | null {
  const length = readVarint(cursor);
  if (length === -1) return null;
  const start = cursor.at;
  if (length < 0 || start + length > end) throw new RangeError("a length exceeds its record");
  cursor.at += length;
  return cursor.bytes.subarray(start, cursor.at);
}

function unreadableRecord(batch: Buffer, error: unknown): FetchedRecord {
  const baseOffset = batch.readBigInt64BE(0);
  const lastOffset = String(baseOffset + BigInt(Math.max(0, batch.readInt32BE(at.lastOffsetDelta))));
  return {
    key: null,
    value: null,
    headers: {},
    offset: lastOffset, // never below the requested offset, or kafkajs would drop it
    timestamp: "0",
    isControlRecord: false,
    batchContext: { producerId: "-1", inTransaction: false },
    unreadable: {
      baseOffset: String(baseOffset),
      lastOffset,
      detail: error instanceof Error ? error.message : String(error),
      bytes: Buffer.from(batch),
    },
  };
}

import type { Kafka } from "kafkajs";
// @ts-expect-error: kafkajs declares no types for its inner files
import filterAborted from "kafkajs/src/consumer/filterAbortedMessages";
// @ts-expect-error: as above
import apiKeys from "kafkajs/src/protocol/requests/apiKeys";
// @ts-expect-error: as above
import fetchRequest from "kafkajs/src/protocol/requests/fetch";
import { FinalError } from "../lifecycle.ts";
import { type Broker, clusterOf, readCommitted, timestamps } from "./cluster.ts";
import { decodeFetchResponse } from "./fetch-response.ts";
import { type FetchedRecord, searchBatches } from "./record-batch.ts";

/** Offsets of a partition, `to` excluded. */
export interface OffsetRange {
  from: bigint;
  to: bigint;
}

/** A search of a part of a partition. */
export interface Search extends OffsetRange {
  topic: string;
  partition: number;
  /** What a record's key or value must contain, in UTF-8. */
  text: string;
  /** How much to read at most, in bytes; at least one request is sent. */
  maxBytes: number;
  /** Called after each response with the offset that is read next. */
  onProgress?: (next: bigint) => void;
}

/**
 * Reads partitions at any offset. A consumer would do the same, but needs a group, and joining one takes longer than all
 * of these requests. Only committed records are read.
 */
export interface Reader {
  /** The ids of a topic's partitions, in order; none if there is no such topic. */
  partitions: (topic: string) => readonly number[];
  /** The first offset still retained, and the one after the last. */
  bounds: (topic: string, partition: number) => Promise<OffsetRange>;
  /** The offset of the first record produced at that time (milliseconds since 1970) or later; null if there is none. */
  offsetAt: (topic: string, partition: number, timeMs: number) => Promise<bigint | null>;
  /** Matching records; up to which offset was read, less than `to` if `maxBytes` were not enough; and how many bytes. */
  search: (search: Search) => Promise<{ records: FetchedRecord[]; next: bigint; bytes: number }>;
  close: () => Promise<void>;
}

interface FetchedPartition {
  abortedTransactions: object[];
  messages: ReturnType<typeof searchBatches>;
}

const bytesPerFetch = 8 * 1024 ** 2;

/** Connects to Kafka. The client's own settings apply. */
export async function openReader(kafka: Kafka): Promise<Reader> {
  const cluster = clusterOf(kafka);
  await cluster.connect();
  const { topicMetadata } = await cluster.metadata();
  const leaders = new Map(
    topicMetadata.map(({ topic, partitionMetadata }) => [
      topic,
      new Map(partitionMetadata.map(({ partitionId, leader }) => [partitionId, leader])),
    ]),
  );
  const leaderOf = (topic: string, partition: number) => {
    const nodeId = leaders.get(topic)?.get(partition);
    if (nodeId === undefined) throw new FinalError(`Kafka has no topic ${topic} with partition ${partition}`);
    return cluster.findBroker({ nodeId });
  };

  async function offsetAt(topic: string, partition: number, timestamp: number): Promise<bigint> {
    const broker = await leaderOf(topic, partition);
    const topics = [{ topic, partitions: [{ partition, timestamp }] }];
    const { responses } = await broker.listOffsets({ isolationLevel: readCommitted, topics });
    return BigInt(responses[0]?.partitions[0]?.offset ?? -1);
  }

  return {
    partitions: (topic) => [...(leaders.get(topic)?.keys() ?? [])].sort((a, b) => a - b),
    async bounds(topic, partition) {
      const [from, to] = await Promise.all([
        offsetAt(topic, partition, timestamps.first),
        offsetAt(topic, partition, timestamps.end),
      ]);
      return { from, to };
    },
    async offsetAt(topic, partition, timeMs) {
      const offset = await offsetAt(topic, partition, Math.max(0, Math.floor(timeMs)));
      return offset < 0n ? null : offset;
    },
    async search({ topic, partition, from, to, text, maxBytes, onProgress }) {
      const broker = await leaderOf(topic, partition);
      const records: FetchedRecord[] = [];
      let next = from;
      let bytes = 0;
      while (next < to && (bytes < maxBytes || next === from)) {
        const most = Math.max(1, Math.min(bytesPerFetch, maxBytes - bytes));
        const fetched = await fetchFrom(broker, { topic, partition, fetchOffset: next, maxBytes: most }, text);
        const read = filterAborted({ messages: fetched.records, abortedTransactions: fetched.abortedTransactions });
        for (const record of read as FetchedRecord[])
          if (BigInt(record.offset) >= from && BigInt(record.offset) < to && !record.isControlRecord)
            records.push(record);
        // Nothing was read: what follows is not committed yet.
        if (fetched.next === undefined || fetched.next <= next) break;
        next = fetched.next;
        bytes += fetched.bytes;
        onProgress?.(next);
      }
      if (next > to) next = to; // the last batch may go further
      return { records, next, bytes };
    },
    close: () => cluster.disconnect(),
  };
}

interface Position {
  topic: string;
  partition: number;
  fetchOffset: bigint;
  maxBytes: number;
}

async function fetchFrom(broker: Broker, { topic, maxBytes, ...position }: Position, text: string) {
  const needle = Buffer.from(text);
  let bytes = 0;
  const { request, response } = broker.lookupRequest(
    apiKeys.Fetch,
    fetchRequest,
  )({
    isolationLevel: readCommitted,
    maxWaitTime: 100,
    minBytes: 1,
    maxBytes,
    topics: [{ topic, partitions: [{ ...position, fetchOffset: String(position.fetchOffset), maxBytes }] }],
  });
  const decode = (payload: Buffer) =>
    decodeFetchResponse(payload, (batches) => {
      bytes += batches.length;
      return searchBatches(batches, needle);
    });
  const { responses } = (await broker.connectionPool.send({
    request,
    response: { decode, parse: response.parse },
    requestTimeout: 10_000,
  })) as { responses: { partitions: FetchedPartition[] }[] };
  const partition = responses[0]?.partitions[0];
  return {
    records: partition?.messages.records ?? [],
    next: partition?.messages.next,
    abortedTransactions: partition?.abortedTransactions ?? [],
    bytes,
  };
}

// @ts-expect-error: kafkajs declares no types for its inner files
import Decoder from "kafkajs/src/protocol/decoder";
// @ts-expect-error: as above
import MessageSetDecoder from "kafkajs/src/protocol/messageSet/decoder";
// @ts-expect-error: as above
import fetchResponse from "kafkajs/src/protocol/requests/fetch/v11/response";
import { type FetchedRecord, readBatches } from "./record-batch.ts";

/** kafkajs's decoder of protocol types: the methods that a fetch response needs. */
interface ResponseDecoder {
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(length: number): Buffer;
  canReadBytes(length: number): boolean;
  readArray<T>(read: (decoder: ResponseDecoder) => T): T[];
  readArrayAsync<T>(read: (decoder: ResponseDecoder) => Promise<T>): Promise<T[]>;
}

/**
 * Makes kafkajs 2.2.4 decode fetch responses (version 11, which it requests from every broker since 2.3) with our own
 * record batch decoder. Its own supports only gzip, and one unreadable batch fails all partitions of a broker.
 */
export function patchFetchResponse() {
  fetchResponse.decode = (bytes: Buffer) => decodeFetchResponse(bytes, readRecords);
}

/** A fetch response of version 11; `read` decodes the records of a partition, which may end within a batch. */
export async function decodeFetchResponse<Records>(
  bytes: Buffer,
  read: (records: Buffer) => Records | Promise<Records>,
) {
  const decoder: ResponseDecoder = new Decoder(bytes);
  return {
    throttleTime: 0, // the broker does not delay its response: the client throttles itself
    clientSideThrottleTime: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    sessionId: decoder.readInt32(),
    responses: await decoder.readArrayAsync(async (topic) => ({
      topicName: topic.readString(),
      partitions: await topic.readArrayAsync(async (partition) => ({
        ...decodePartition(partition),
        messages: await read(recordBytes(partition)),
      })),
    })),
  };
}

const decodePartition = (decoder: ResponseDecoder) => ({
  partition: decoder.readInt32(),
  errorCode: decoder.readInt16(),
  highWatermark: String(decoder.readInt64()),
  lastStableOffset: String(decoder.readInt64()),
  lastStartOffset: String(decoder.readInt64()),
  abortedTransactions: decoder.readArray((aborted) => ({
    producerId: String(aborted.readInt64()),
    firstOffset: String(aborted.readInt64()),
  })),
  preferredReadReplica: decoder.readInt32(),
});

function recordBytes(decoder: ResponseDecoder): Buffer {
  const length = decoder.readInt32();
  return length > 0 && decoder.canReadBytes(length) ? decoder.readBytes(length) : Buffer.alloc(0);
}

function readRecords(bytes: Buffer): FetchedRecord[] | Promise<FetchedRecord[]> {
  // Batches, and the message sets from before Kafka 0.11, have their version at the same position.
  const isMessageSet = bytes.length > 16 && bytes.readInt8(16) < 2;
  return isMessageSet ? MessageSetDecoder(new Decoder(bytes), bytes.length) : readBatches(bytes);
}

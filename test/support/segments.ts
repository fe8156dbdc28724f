import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A record batch on the broker's disk. */
export interface StoredBatch {
  file: string;
  /** Its start in the file and its length, in bytes. */
  position: number;
  length: number;
  baseOffset: bigint;
  lastOffset: bigint;
  codec: number;
}

const folderOf = (topic: string, partition: number) =>
  join(process.env.STACK_DIR ?? "", "data", "kafka", "log", `${topic}-${partition}`);

/** The batches of a partition in the stack's broker's files. */
export function storedBatches(topic: string, partition: number): StoredBatch[] {
  const folder = folderOf(topic, partition);
  const batches: StoredBatch[] = [];
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".log"))) {
    const file = join(folder, name);
    const bytes = readFileSync(file);
    for (let position = 0; position + 61 <= bytes.length; ) {
      const length = 12 + bytes.readInt32BE(position + 8);
      const baseOffset = bytes.readBigInt64BE(position);
      if (length === 12) break; // preallocated space
      const lastOffset = baseOffset + BigInt(bytes.readInt32BE(position + 23));
      batches.push({ file, position, length, baseOffset, lastOffset, codec: bytes.readInt16BE(position + 21) & 7 });
      position += length;
    }
  }
  return batches;
}

/** Flips one bit of a batch's last record on disk, as a failing disk would. */
export function damage({ file, position, length }: StoredBatch): void {
  const descriptor = openSync(file, "r+");
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, position + length - 2);
  byte[0]! ^= 1;
  writeSync(descriptor, byte, 0, 1, position + length - 2);
  closeSync(descriptor);
}

/** A batch's bytes on disk. */
export const bytesOf = ({ file, position, length }: StoredBatch): Buffer =>
  readFileSync(file).subarray(position, position + length);

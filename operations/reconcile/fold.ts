import { type Change, idOf, type Write } from "../../stream/change.ts";
import { type Words, wordsOf } from "../../stream/id-index.ts";
import type { Changes } from "../topic-changes.ts";
import { openIdTable } from "./id-table.ts";
import { hashOf, noRow } from "./row-hash.ts";

/** Bits of `columns.flags`. */
export const flags = {
  /** There is a record of the id. */
  recorded: 1,
  /** The newest record deletes the row. */
  deleted: 2,
  /** The newest record leaves columns as they were, so that the row is known only in part. */
  incomplete: 4,
  /** Two records of that write time differ: Cassandra may have taken columns of both. */
  tied: 8,
  /** The id is one of those asked for. */
  wanted: 16,
  /** A row with this id was found in Cassandra, in PostgreSQL. */
  inCassandra: 32,
  inPostgres: 64,
  /** Something did not fit when it was looked at first. */
  suspect: 128,
  /** The last change event has a row. */
  captured: 256,
} as const;

/** A record's position. */
export interface Position {
  topic: string;
  partition: number;
  offset: number;
}

/** The newest record of an id. */
export interface Newest extends Position {
  timeMicros: number;
  hash: bigint;
  deletes: boolean;
  incomplete: boolean;
  tied: boolean;
}

export type Fold = ReturnType<typeof openFold>;

/**
 * The newest record of each id, by the project's rule: the newest write wins, in whatever order records are read. Of two
 * at the same time a deletion wins, as in Cassandra, and else the one that is read last, as in the consumer's slices;
 * such ids are marked. Records produced since `sinceMs` make their ids wanted; without it all are.
 */
export function openFold(changeTopic: string, sinceMs = Number.NEGATIVE_INFINITY) {
  const table = openIdTable();
  const { columns } = table;
  const partitions: Omit<Position, "offset">[] = [];
  const scratch = new Uint32Array(4);
  let records = 0;

  function numberOf(topic: string, partition: number): number {
    const found = partitions.findIndex((known) => known.topic === topic && known.partition === partition);
    return found >= 0 ? found : partitions.push({ topic, partition }) - 1;
  }

  function applyOne({ change, message }: Write, partition: number, isCaptured: boolean) {
    const index = table.add(wordsOf(idOf(change), scratch));
    const hash = hashOfChange(change);
    if (isCaptured) {
      columns.captured[index] = hash;
      columns.flags[index]! &= ~flags.captured;
      if (change.kind === "upsert") columns.flags[index]! |= flags.captured;
    }
    if (Number(message.timestamp) >= sinceMs) columns.flags[index]! |= flags.wanted;
    const before = columns.flags[index]!;
    let tied = 0;
    if (before & flags.recorded) {
      const known = columns.time[index]!;
      if (change.writeTimeMicros < known) return;
      if (change.writeTimeMicros === known) {
        if (hash === columns.hash[index]) return; // the same record again
        tied = flags.tied;
        if (before & flags.deleted) return;
      }
    }
    columns.time[index] = change.writeTimeMicros;
    columns.hash[index] = hash;
    columns.partition[index] = partition;
    columns.offset[index] = Number(message.offset);
    const isIncomplete = hash === noRow.incomplete;
    columns.flags[index] =
      (columns.flags[index]! & ~(flags.deleted | flags.incomplete | flags.tied)) |
      flags.recorded |
      (change.kind === "delete" ? flags.deleted : tied) |
      (isIncomplete ? flags.incomplete : 0);
  }

  return {
    table,
    records: () => records,
    apply({ topic, partition, writes, records: count }: Pick<Changes, "topic" | "partition" | "writes" | "records">) {
      records += count;
      const number = numberOf(topic, partition);
      for (const write of writes) applyOne(write, number, topic === changeTopic);
    },
    /** The index of an id, which is added if it is new. */
    indexOf: (id: Words) => table.add(id),
    mark(index: number, bits: number) {
      columns.flags[index] = columns.flags[index]! | bits;
    },
    has: (index: number, bits: number) => (columns.flags[index]! & bits) === bits,
    /** The newest record of an id; null if there is none. */
    newest(index: number): Newest | null {
      const has = columns.flags[index]!;
      if (!(has & flags.recorded)) return null;
      return {
        ...partitions[columns.partition[index]!]!,
        offset: columns.offset[index]!,
        timeMicros: columns.time[index]!,
        hash: columns.hash[index]!,
        deletes: (has & flags.deleted) !== 0,
        incomplete: (has & flags.incomplete) !== 0,
        tied: (has & flags.tied) !== 0,
      };
    },
    /** The hash of the row in the last change event of an id, or a value of `noRow`. */
    captured: (index: number) => columns.captured[index]!,
  };
}

function hashOfChange(change: Change): bigint {
  if (change.kind === "delete") return noRow.deleted;
  return change.kept?.length ? noRow.incomplete : hashOf(change.user);
}

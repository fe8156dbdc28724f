import { idOf, type Write } from "../change.ts";

/** Measured: batches of 32 rows have the lowest cost for Cassandra and the client. */
const maxBatchRows = 32;
/** Cassandra rejects batches over 50 KiB (batch_size_fail_threshold). */
const maxBatchBytes = 40 * 1024;
/** A row's size in Cassandra beyond its record's bytes: write times, lengths, cell headers. */
const rowOverheadBytes = 300;
/** Below this, single writes are as fast as a batch. */
const minBatchRows = 4;

/** The writes of one slice, at most one per row. */
export interface Collapsed {
  /** The newest write of each row. */
  newest: Write[];
  /** The older writes of a row, by id, in case Cassandra rejects the newest. */
  replaced: Map<string, Write[]>;
}

/**
 * The newest write of each row. Of two with the same write time, the later in the log wins; Cassandra would pick the
 * greater value of each column. Pure.
 */
export function collapse(writes: readonly Write[]): Collapsed {
  const newest = new Map<string, Write>();
  const replaced = new Map<string, Write[]>();
  for (const write of writes) {
    const id = idOf(write.change);
    const other = newest.get(id);
    if (other === undefined) {
      newest.set(id, write);
      continue;
    }
    const isNewer = write.change.writeTimeMicros >= other.change.writeTimeMicros;
    const [winner, loser] = isNewer ? [write, other] : [other, write];
    newest.set(id, completed(winner, loser));
    const older = replaced.get(id);
    if (older) older.push(loser);
    else replaced.set(id, [loser]);
  }
  return { newest: [...newest.values()], replaced };
}

/** A write with its kept columns filled from an older write of the same row. */
function completed(write: Write, older: Write): Write {
  const { change } = write;
  if (change.kind !== "upsert" || !change.kept || older.change.kind !== "upsert") return write;
  const { kept: alsoKept = [], user: from } = older.change;
  const filled = change.kept.filter((name) => !alsoKept.includes(name)).map((name) => [name, from[name]]);
  const kept = change.kept.filter((name) => alsoKept.includes(name));
  return { ...write, change: { ...change, user: { ...change.user, ...Object.fromEntries(filled) }, kept } };
}

/**
 * Splits writes into requests: batches of rows with the same replicas, bounded by rows and bytes, and single writes
 * instead of small batches. Each write is in exactly one batch. Batches never span replica sets, since the coordinator
 * would have to forward the other rows. Pure.
 */
export function batchesOf(writes: readonly Write[], replicasOf: (id: string) => string): Write[][] {
  const byReplicas = Map.groupBy(writes, ({ change }) => replicasOf(idOf(change)));
  return [...byReplicas.values()]
    .flatMap(split)
    .flatMap((batch) => (batch.length < minBatchRows ? batch.map((write) => [write]) : [batch]));
}

function split(writes: readonly Write[]): Write[][] {
  const batches: Write[][] = [];
  let batch: Write[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = (write.message.value?.length ?? 0) + rowOverheadBytes;
    if (batch.length === maxBatchRows || (batch.length > 0 && bytes + size > maxBatchBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(write);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

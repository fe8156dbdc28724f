import { idOf, type Write } from "./change.ts";

/** Rows in one batch. Measured: 32 cost Cassandra and the client least; more gain nothing and come near the limit below. */
const maxBatchRows = 32;
/** Cassandra refuses batches over 50 KiB (batch_size_fail_threshold). */
const maxBatchBytes = 40 * 1024;
/** What a row weighs in Cassandra beyond its record's bytes: write times, lengths, the cells' own. */
const rowOverheadBytes = 300;
/** Fewer rows than this travel as fast alone, and fail alone. */
const minBatchRows = 4;

/** Writes of one slice with each row once. */
export interface Collapsed {
  /** The newest write of each row. */
  newest: Write[];
  /** What the newest writes replace, by row, in case that Cassandra refuses the newest. */
  replaced: Map<string, Write[]>;
}

/**
 * The newest write of each row; of two with the same time, the later in the log, since Cassandra would take the one
 * whose values are greater. Pure.
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

/** A write whose kept columns have the values that an older write of the row would have given them. */
function completed(write: Write, older: Write): Write {
  const { change } = write;
  if (change.kind !== "upsert" || !change.kept || older.change.kind !== "upsert") return write;
  const { kept: alsoKept = [], user: from } = older.change;
  const filled = change.kept.filter((name) => !alsoKept.includes(name)).map((name) => [name, from[name]]);
  const kept = change.kept.filter((name) => alsoKept.includes(name));
  return { ...write, change: { ...change, user: { ...change.user, ...Object.fromEntries(filled) }, kept } };
}

/**
 * Cuts writes into requests: batches of rows that the same replicas hold, bounded by rows and bytes, and single writes
 * where a batch would hold few. Each write is in one group. A batch over several sets of replicas would make one node
 * pass on the others' rows, so there is none. Pure.
 */
export function groupsOf(writes: readonly Write[], replicasOf: (id: string) => string): Write[][] {
  const byReplicas = new Map<string, Write[]>();
  for (const write of writes) {
    const replicas = replicasOf(idOf(write.change));
    const group = byReplicas.get(replicas);
    if (group) group.push(write);
    else byReplicas.set(replicas, [write]);
  }
  return [...byReplicas.values()]
    .flatMap(cut)
    .flatMap((group) => (group.length < minBatchRows ? group.map((write) => [write]) : [group]));
}

function cut(writes: readonly Write[]): Write[][] {
  const groups: Write[][] = [];
  let group: Write[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = (write.message.value?.length ?? 0) + rowOverheadBytes;
    if (group.length === maxBatchRows || (group.length > 0 && bytes + size > maxBatchBytes)) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(write);
    bytes += size;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

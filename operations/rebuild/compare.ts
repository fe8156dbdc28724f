import { setTimeout as wait } from "node:timers/promises";
import pLimit from "p-limit";
import { splitRing } from "../../runtime/token-ranges.ts";
import { type Difference, datedOnly, differenceOf, differingIds } from "./differences.ts";
import type { Dependencies, Rebuilt } from "./rebuild.ts";
import { rowAt, rowsIn } from "./rows.ts";
import { type Dated, readRedated } from "./write-time-ranges.ts";

/** How the live table compares with the rebuilt one. */
export interface Comparison {
  /** Rows of the live table. */
  rows: number;
  missing: number;
  extra: number;
  different: number;
  /** The first differences, in no order. */
  differences: Difference[];
  /** Rows that differ because the consumer has records to apply. */
  late: number;
  /** The records that it has not committed. */
  lag: number;
  /** Whether it has ever committed; if not, it counts as up to date with the topics when rebuild began. */
  isGroupKnown: boolean;
  /**
   * Rows that have the same values, dated a few microseconds apart by two readers of one PostgreSQL transaction, each
   * rightly: one began inside of it.
   */
  redated: number;
  /** Rows that differed at the first look and were too many for a second one. */
  unchecked: number;
}

interface Options {
  /** How many differences to keep. */
  limit: number;
  /** How many rows of the live table have been compared, or are looked at again. */
  onProgress?: (what: "compare" | "look again", rows: number) => void;
  stop: AbortSignal;
}

/** How many rows are looked at a second time: their ids are in memory. */
const maxSuspects = 100_000;
const rangeCount = 64;
const rangesAtOnce = 2;
const readsAtOnce = 64;
/** How many rows are looked at together: both rows are in memory. */
const chunkSize = 5_000;
/** A difference counts once it was seen in so many looks. */
const looksToCount = 2;
/** Rows that are written all the time stay undecided. */
const maxLooks = 8;
const betweenLooksMs = 500;

/**
 * Compares two tables: every row, column and write time. Meanwhile the live one moves on, so rows that differ are looked
 * at again, in this order: the offsets that the consumer has committed, the live rows, the topics to their ends, and the
 * rebuilt rows. The live rows have every record before these offsets, and the rebuilt rows every record that the
 * live rows can have: what still differs, and has no record in between, is a difference.
 */
export async function compare(
  dependencies: Dependencies,
  rebuilt: Rebuilt,
  { limit, onProgress = () => {}, stop }: Options,
): Promise<Comparison> {
  const live = dependencies.config.cassandra.keyspace;
  const { cassandra } = dependencies;
  let rows = 0;
  let unchecked = 0;
  const suspects = new Map<string, number>();
  const ranges = pLimit(rangesAtOnce);
  const count = (more: number) => {
    stop.throwIfAborted();
    rows += more;
    if (rows % 1_000 === 0) onProgress("compare", rows);
  };
  await Promise.all(
    splitRing(rangeCount).map((range) =>
      ranges(async () => {
        stop.throwIfAborted();
        const pages = [live, rebuilt.keyspace].map((keyspace) => rowsIn(cassandra, keyspace, range));
        for await (const id of differingIds(pages[0]!, pages[1]!, count))
          if (suspects.size < maxSuspects) suspects.set(id, 0);
          else unchecked++;
      }),
    ),
  );
  onProgress("compare", rows);
  const seen = await lookAgain(dependencies, rebuilt, suspects, {
    limit,
    onLook: (left) => onProgress("look again", left),
    stop,
  });
  const redated = await readRedated(dependencies, seen.dated, stop);
  for (const id of seen.dated.keys()) {
    if (redated.has(id)) continue;
    const read = (keyspace: string) => rowAt(cassandra, keyspace, id);
    if (seen.differences.length >= limit) seen.totals.different++;
    else seen.add(differenceOf(id, await read(live), await read(rebuilt.keyspace)));
  }
  const { differences, totals, late } = seen;
  const { lag, isGroupKnown } = await rebuilt.committed();
  return { rows, ...totals, differences, late, lag, isGroupKnown, redated: redated.size, unchecked };
}

/** What looking again found. */
function openSeen(limit: number) {
  const totals: Record<Difference["kind"], number> = { missing: 0, extra: 0, different: 0 };
  const differences: Difference[] = [];
  return {
    totals,
    differences,
    /** Rows with the same values and other write times. */
    dated: new Map<string, Dated>(),
    late: 0,
    add(difference: Difference | null) {
      if (difference === null) return;
      totals[difference.kind]++;
      if (differences.length < limit) differences.push(difference);
    },
  };
}

interface LookOptions {
  limit: number;
  onLook: (left: number) => void;
  stop: AbortSignal;
}

/** Looks at the suspects until each is the same, different or, at last, late. */
async function lookAgain(
  dependencies: Dependencies,
  rebuilt: Rebuilt,
  suspects: Map<string, number>,
  { limit, onLook, stop }: LookOptions,
) {
  const seen = openSeen(limit);
  for (let look = 0; look < maxLooks && suspects.size > 0; look++) {
    if (look > 0) await wait(betweenLooksMs, undefined, { signal: stop });
    const ids = [...suspects.keys()];
    for (let start = 0; start < ids.length; start += chunkSize) {
      onLook(suspects.size);
      const pairs = readPairs(dependencies, rebuilt, ids.slice(start, start + chunkSize));
      for (const { id, live, own, isChanging } of await pairs) {
        const difference = differenceOf(id, live, own);
        const looks = isChanging ? 0 : suspects.get(id)! + 1;
        suspects.set(id, looks);
        if (difference !== null && looks < looksToCount) continue;
        suspects.delete(id);
        const dated = difference && datedOnly(difference);
        if (dated) seen.dated.set(id, dated);
        else seen.add(difference);
      }
    }
  }
  seen.late = suspects.size;
  return seen;
}

/** Rows of both tables, and whether they may differ because a record was still on its way to the live one. */
async function readPairs(dependencies: Dependencies, rebuilt: Rebuilt, ids: readonly string[]) {
  const { cassandra, config } = dependencies;
  const reads = pLimit(readsAtOnce);
  const readAll = (keyspace: string) => reads.map(ids, (id) => rowAt(cassandra, keyspace, id));
  const { offsets } = await rebuilt.committed();
  const live = await readAll(config.cassandra.keyspace);
  await rebuilt.continue();
  const own = await readAll(rebuilt.keyspace);
  return ids.map((id, index) => ({
    id,
    live: live[index]!,
    own: own[index]!,
    isChanging: rebuilt.isChangedSince(id, offsets),
  }));
}

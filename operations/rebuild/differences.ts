import { type Cell, columns, type Row } from "./rows.ts";
import type { Dated } from "./write-time-ranges.ts";

/** A column of a row that is not the same in both tables. */
export interface DifferentColumn {
  name: string;
  live: Cell;
  rebuilt: Cell;
}

/** A row that is not the same in the live and in the rebuilt table. */
export type Difference =
  /** The topics have it, the live table does not. */
  | { kind: "missing"; id: string; newest: string | null }
  /** The live table has it, the topics do not, or delete it. */
  | { kind: "extra"; id: string; newest: string | null }
  | { kind: "different"; id: string; columns: DifferentColumn[] };

const isSame = (live: Row, rebuilt: Row) =>
  live.cells.every(
    ({ value, writtenAt }, index) =>
      value === rebuilt.cells[index]!.value && writtenAt === rebuilt.cells[index]!.writtenAt,
  );

/** How two rows of the same id differ; null if they do not. Pure. */
export function differenceOf(id: string, live: Row | null, rebuilt: Row | null): Difference | null {
  if (live === null && rebuilt === null) return null;
  if (live === null) return { kind: "missing", id, newest: newestOf(rebuilt!) };
  if (rebuilt === null) return { kind: "extra", id, newest: newestOf(live) };
  if (isSame(live, rebuilt)) return null;
  const different = columns.flatMap((name, index) => {
    const column = { name, live: live.cells[index]!, rebuilt: rebuilt.cells[index]! };
    const { live: one, rebuilt: other } = column;
    return one.value === other.value && one.writtenAt === other.writtenAt ? [] : [column];
  });
  return { kind: "different", id, columns: different };
}

/** The two write times of a row that has the same values in both tables, each written at once. Pure. */
export function datedOnly(difference: Difference): Dated | null {
  if (difference.kind !== "different") return null;
  const [live, rebuilt] = (["live", "rebuilt"] as const).map(
    (side) => new Set(difference.columns.map((column) => column[side].writtenAt)),
  ) as [Set<string | null>, Set<string | null>];
  const isSameValue = difference.columns.every((column) => column.live.value === column.rebuilt.value);
  if (!isSameValue || live.size !== 1 || rebuilt.size !== 1) return null;
  return { live: Number([...live][0]), rebuilt: Number([...rebuilt][0]) };
}

/** The newest write time of a row, in microseconds. */
function newestOf({ cells }: Row): string | null {
  const times = cells.flatMap(({ writtenAt }) => (writtenAt === null ? [] : [BigInt(writtenAt)]));
  return times.length === 0 ? null : String(times.sort((one, other) => (one < other ? -1 : 1)).at(-1));
}

type Pages = AsyncIterable<readonly Row[]>;

/**
 * The ids of the rows that differ, from two tables read in the order of their tokens. `onRows` is told how many rows
 * of the first one have been compared.
 */
export async function* differingIds(live: Pages, rebuilt: Pages, onRows: (count: number) => void) {
  const [one, other] = [openCursor(live), openCursor(rebuilt)];
  let [left, right] = await Promise.all([one.next(), other.next()]);
  while (left !== null || right !== null) {
    const order = left === null ? 1 : right === null ? -1 : orderOf(left, right);
    if (order !== 0 || !isSame(left!, right!)) yield (order <= 0 ? left! : right!).id;
    if (order <= 0) {
      onRows(1);
      const next = one.next();
      left = next instanceof Promise ? await next : next;
    }
    if (order >= 0) {
      const next = other.next();
      right = next instanceof Promise ? await next : next;
    }
  }
}

/** The order in which Cassandra returns rows. */
function orderOf(one: Row, other: Row): number {
  if (one.token !== other.token) return one.token < other.token ? -1 : 1;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** Row by row; it waits only at the end of a page. */
function openCursor(pages: Pages) {
  const iterator = pages[Symbol.asyncIterator]();
  let rows: readonly Row[] = [];
  let index = 0;
  async function fetch(): Promise<Row | null> {
    for (;;) {
      const { value, done } = await iterator.next();
      if (done) return null;
      if (value.length === 0) continue;
      [rows, index] = [value, 1];
      return rows[0]!;
    }
  }
  return { next: (): Row | null | Promise<Row | null> => (index < rows.length ? rows[index++]! : fetch()) };
}

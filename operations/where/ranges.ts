import type { OffsetRange } from "../../runtime/kafka/reader.ts";

/** Sorted ranges without overlaps that cover the same offsets. Pure. */
export function merged(ranges: readonly OffsetRange[]): OffsetRange[] {
  const result: OffsetRange[] = [];
  for (const range of ranges.filter(({ from, to }) => from < to).sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = result.at(-1);
    if (!last || range.from > last.to) result.push({ ...range });
    else if (range.to > last.to) last.to = range.to;
  }
  return result;
}

/** The parts of `ranges` that are in none of `others`, sorted. Pure. */
export const without = (ranges: readonly OffsetRange[], others: readonly OffsetRange[]): OffsetRange[] =>
  merged(others).reduce((left, other) => left.flatMap((range) => [...partsOutside(range, other)]), merged(ranges));

function* partsOutside({ from, to }: OffsetRange, other: OffsetRange): Generator<OffsetRange> {
  if (other.to <= from || to <= other.from) return yield { from, to };
  if (from < other.from) yield { from, to: other.from };
  if (other.to < to) yield { from: other.to, to };
}

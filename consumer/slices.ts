/** Splits a batch into consecutive slices of at most `maxRows` records, with every record in exactly one. */
export function* slicesOf<T>(records: readonly T[], maxRows: number): Generator<readonly [T, ...T[]]> {
  for (let start = 0; start < records.length; start += maxRows)
    yield records.slice(start, start + maxRows) as unknown as readonly [T, ...T[]];
}

/** A Prometheus histogram: for each upper bound, how many observations are at most that large. */
export type Histogram = Map<number, number>;

/** Reads one histogram, all its label sets together or those with `label`, from the text of a /metrics page. */
export function readHistogram(page: string, name: string, label = ""): Histogram {
  const buckets: Histogram = new Map();
  for (const [line, bound, count] of page.matchAll(
    new RegExp(`^${name}_bucket\\{.*?le="([^"]+)".*?\\} (\\d+)`, "gm"),
  )) {
    if (!line.includes(label)) continue;
    const upTo = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    buckets.set(upTo, (buckets.get(upTo) ?? 0) + Number(count));
  }
  return buckets;
}

/** What was observed between two readings. */
export const since = (before: Histogram, after: Histogram): Histogram =>
  new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));

/** A quantile, estimated as Prometheus does: evenly spread inside a bucket. Undefined where nothing was observed. */
export function quantile(histogram: Histogram, q: number): number | undefined {
  const buckets = [...histogram].sort(([a], [b]) => a - b);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  let from = 0;
  let below = 0;
  for (const [bound, count] of buckets) {
    if (count >= q * total && count > below)
      return bound === Number.POSITIVE_INFINITY
        ? from
        : from + ((bound - from) * (q * total - below)) / (count - below);
    from = bound;
    below = count;
  }
  return undefined;
}

/** A Prometheus histogram. */
export interface Histogram {
  /** For each upper bound, how many observations are at most that large. */
  buckets: Map<number, number>;
  sum: number;
  count: number;
}

/** Reads one histogram from the text of a /metrics page; with `label`, `topic="a"`, that label set alone. */
export function readHistogram(page: string, name: string, label = ""): Histogram {
  const lines = page.split("\n").filter((line) => line.startsWith(name) && line.includes(label));
  const numberIn = (line: string) => Number(line.slice(line.lastIndexOf(" ")));
  const total = (suffix: string) =>
    lines
      .filter((line) => /^[{ ]/.test(line.replace(`${name}_${suffix}`, "")))
      .reduce((sum, line) => sum + numberIn(line), 0);
  const buckets = new Map<number, number>();
  for (const line of lines) {
    const [, bound] = line.match(/_bucket\{.*?le="([^"]+)"/) ?? [];
    if (bound === undefined) continue;
    const upTo = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    buckets.set(upTo, (buckets.get(upTo) ?? 0) + numberIn(line));
  }
  return { buckets, sum: total("sum"), count: total("count") };
}

/** What was observed between two readings. */
export const since = (before: Histogram, after: Histogram): Histogram => ({
  buckets: new Map([...after.buckets].map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)])),
  sum: after.sum - before.sum,
  count: after.count - before.count,
});

/** The mean, exactly. Undefined where nothing was observed. */
export const mean = ({ sum, count }: Histogram) => (count > 0 ? sum / count : undefined);

/** The bound that this share of all observations does not exceed. Undefined where nothing was observed. */
export function boundOf({ buckets, count }: Histogram, share: number): number | undefined {
  if (count <= 0) return undefined;
  const bounds = [...buckets].filter(([, atMost]) => atMost >= share * count).map(([bound]) => bound);
  return Math.min(...bounds);
}

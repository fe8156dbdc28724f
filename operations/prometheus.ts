/** One line of a /metrics page. */
interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/**
 * The samples of a /metrics page. Our own code: prom-client writes this format but cannot read it.
 * Source: prometheus.io, "Exposition formats", the text-based format.
 */
export function readSamples(page: string): Sample[] {
  return page.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, labels: readLabels(labels), value: numberOf(value) }];
  });
}

/** The sum of a metric over all samples with these labels; 0 if there are none. */
export const sumOf = (page: string, name: string, labels: Record<string, string> = {}): number =>
  readSamples(page)
    .filter((sample) => sample.name === name && hasLabels(sample, labels))
    .reduce((sum, { value }) => sum + value, 0);

/** A Prometheus histogram. */
export interface Histogram {
  /** The number of observations at or below each upper bound. */
  buckets: Map<number, number>;
  sum: number;
  count: number;
}

/** A histogram, summed over all samples with these labels. */
export function readHistogram(page: string, name: string, labels: Record<string, string> = {}): Histogram {
  const buckets = new Map<number, number>();
  for (const sample of readSamples(page))
    if (sample.name === `${name}_bucket` && hasLabels(sample, labels)) {
      const bound = numberOf(sample.labels.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + sample.value);
    }
  return { buckets, sum: sumOf(page, `${name}_sum`, labels), count: sumOf(page, `${name}_count`, labels) };
}

/** The observations between two readings. */
export const since = (before: Histogram, after: Histogram): Histogram => ({
  buckets: new Map([...after.buckets].map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)])),
  sum: after.sum - before.sum,
  count: after.count - before.count,
});

/** The exact mean, or undefined without observations. */
export const mean = ({ sum, count }: Histogram) => (count > 0 ? sum / count : undefined);

/** The upper bound of the bucket containing this quantile, or undefined without observations. */
export function boundOf({ buckets, count }: Histogram, quantile: number): number | undefined {
  if (count <= 0) return undefined;
  const bounds = [...buckets].filter(([, atMost]) => atMost >= quantile * count).map(([bound]) => bound);
  return Math.min(...bounds);
}

const hasLabels = (sample: Sample, labels: Record<string, string>) =>
  Object.entries(labels).every(([name, value]) => sample.labels[name] === value);

function readLabels(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  const unescaped = (value: string) => value.replaceAll(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char));
  return Object.fromEntries(pairs.map(([, name, value]) => [name, unescaped(value ?? "")]));
}

const numberOf = (text = "") => (text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text));

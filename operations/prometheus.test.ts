import { expect, test } from "bun:test";
import { boundOf, mean, readHistogram, readSamples, since, sumOf } from "./prometheus.ts";

const page = `# TYPE stored_seconds histogram
stored_seconds_bucket{le="0.01",topic="a"} 50
stored_seconds_bucket{le="0.1",topic="a"} 90
stored_seconds_bucket{le="+Inf",topic="a"} 100
stored_seconds_sum{topic="a"} 3.5
stored_seconds_count{topic="a"} 100
stored_seconds_bucket{le="0.01",topic="b"} 10
stored_seconds_bucket{le="0.1",topic="b"} 10
stored_seconds_bucket{le="+Inf",topic="b"} 10
stored_seconds_sum{topic="b"} 1e-2
stored_seconds_count{topic="b"} 10
other_bucket{le="0.01"} 7
other_count 7
`;
const empty = { buckets: new Map(), sum: 0, count: 0 };

test("a histogram is summed over its labels", () => {
  expect(readHistogram(page, "stored_seconds")).toEqual({
    buckets: new Map([
      [0.01, 60],
      [0.1, 100],
      [Number.POSITIVE_INFINITY, 110],
    ]),
    sum: 3.51,
    count: 110,
  });
  expect(readHistogram("", "stored_seconds")).toEqual(empty);
});

test("one label set is read separately from the others", () => {
  const { buckets, sum, count } = readHistogram(page, "stored_seconds", { topic: "b" });
  expect({ at: buckets.get(0.01), sum, count }).toEqual({ at: 10, sum: 0.01, count: 10 });
});

test("the mean is exact, and a bound covers at least its quantile", () => {
  const histogram = readHistogram(page, "stored_seconds");
  expect(mean(histogram)).toBeCloseTo(3.51 / 110);
  expect(boundOf(histogram, 0.5)).toBe(0.01);
  expect(boundOf(histogram, 0.9)).toBe(0.1);
  expect(boundOf(histogram, 0.99)).toBe(Number.POSITIVE_INFINITY);
});

test("earlier observations do not count", () => {
  const histogram = readHistogram(page, "stored_seconds");
  expect(mean(since(histogram, histogram))).toBeUndefined();
  expect(boundOf(since(histogram, histogram), 0.5)).toBeUndefined();
  expect(since(empty, histogram)).toEqual(histogram);
});

test("a metric is summed over its labels; the name matches as a whole", () => {
  const counters =
    'records_total{outcome="stored",topic="a"} 3\nrecords_total{outcome="stored",topic="b"} 4\nrecords_total_x 9\n';
  expect(sumOf(counters, "records_total")).toBe(7);
  expect(sumOf(counters, "records_total", { topic: "b" })).toBe(4);
  expect(sumOf(counters, "missing")).toBe(0);
});

test("labels may contain quotes, commas and backslashes", () => {
  expect(readSamples('m{a="say \\"x\\", y",b="c:\\\\d"} 1')).toEqual([
    { name: "m", labels: { a: 'say "x", y', b: "c:\\d" }, value: 1 },
  ]);
});

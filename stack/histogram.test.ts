import { expect, test } from "bun:test";
import { quantile, readHistogram, since } from "./histogram.ts";

const page = `# TYPE stored_seconds histogram
stored_seconds_bucket{le="0.01",topic="a"} 50
stored_seconds_bucket{le="0.1",topic="a"} 90
stored_seconds_bucket{le="+Inf",topic="a"} 100
stored_seconds_sum{topic="a"} 3.5
stored_seconds_bucket{le="0.01",topic="b"} 0
stored_seconds_bucket{le="0.1",topic="b"} 0
stored_seconds_bucket{le="+Inf",topic="b"} 0
other_bucket{le="0.01"} 7
`;

test("one histogram is read, whatever its labels", () => {
  expect(readHistogram(page, "stored_seconds")).toEqual(
    new Map([
      [0.01, 50],
      [0.1, 90],
      [Number.POSITIVE_INFINITY, 100],
    ]),
  );
});

test("a quantile lies inside its bucket, and never beyond the last bound", () => {
  const histogram = readHistogram(page, "stored_seconds");
  expect(quantile(histogram, 0.25)).toBeCloseTo(0.005);
  expect(quantile(histogram, 0.5)).toBeCloseTo(0.01);
  expect(quantile(histogram, 0.7)).toBeCloseTo(0.055);
  expect(quantile(histogram, 0.99)).toBe(0.1);
});

test("what was observed before does not count", () => {
  const histogram = readHistogram(page, "stored_seconds");
  expect(quantile(since(histogram, histogram), 0.5)).toBeUndefined();
  expect(quantile(since(new Map(), histogram), 0.5)).toBeCloseTo(0.01);
});

import type { columns } from "./sample.ts";

interface Series {
  column: (typeof columns)[number];
  label: string;
}

/** A chart of the last hour; what its values are is in sample.ts. */
interface Chart {
  name: string;
  title: string;
  /** As it is written behind values and in the caption. */
  unit: string;
  /** Values are multiplied by it, to be in the unit. */
  factor?: number;
  /** Whether values are bounds with large steps, which a logarithmic scale shows. */
  isLogarithmic?: boolean;
  series: Series[];
}

export const charts: readonly Chart[] = [
  {
    name: "rate",
    title: "Rate",
    unit: "records/s",
    series: [
      { column: "writtenPerSecond", label: "written" },
      { column: "readPerSecond", label: "read" },
    ],
  },
  { name: "lag", title: "Behind", unit: "records", series: [{ column: "unread", label: "unread" }] },
  {
    name: "waits",
    title: "Behind",
    unit: "s",
    series: [{ column: "waitsSeconds", label: "the oldest unread record" }],
  },
  {
    name: "readable",
    title: "Produced → readable",
    unit: "ms",
    factor: 1_000,
    isLogarithmic: true,
    series: [
      { column: "readable50", label: "p50 within" },
      { column: "readable99", label: "p99 within" },
    ],
  },
  {
    name: "committed",
    title: "Committed in PostgreSQL → readable",
    unit: "ms",
    factor: 1_000,
    isLogarithmic: true,
    series: [
      { column: "committed50", label: "p50 within" },
      { column: "committed99", label: "p99 within" },
    ],
  },
  {
    name: "letters",
    title: "Dead letters in the topic",
    unit: "records",
    series: [{ column: "letters", label: "dead letters" }],
  },
];

import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export type Metrics = ReturnType<typeof declareMetrics>;

const writeSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];
const latencySeconds = [
  0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** The consumer's metrics; each help text says what a rise means. Long because it has one entry per metric. */
export function declareMetrics(registry: Registry) {
  const registers = [registry];
  return {
    records: new Counter({
      name: "consumer_records_total",
      help: "Records processed, by outcome (stored, dead_lettered, ignored). No rise while the lag rises: the consumer is stuck.",
      labelNames: ["topic", "outcome"] as const,
      registers,
    }),
    deadLetters: new Counter({
      name: "consumer_dead_letters_total",
      help: "Records acknowledged by the dead-letter topic, by reason. A rise: a producer writes invalid records.",
      labelNames: ["topic", "reason"] as const,
      registers,
    }),
    retries: new Counter({
      name: "consumer_retries_total",
      help: "Failed attempts that are retried, by operation. A rise: Cassandra or Kafka is unavailable or overloaded.",
      labelNames: ["what"] as const,
      registers,
    }),
    sliceSeconds: new Histogram({
      name: "consumer_slice_duration_seconds",
      help: "From reading a slice of records to resolving its offset. A rise: Cassandra is slower, or slices are larger.",
      labelNames: ["topic"] as const,
      buckets: writeSeconds,
      registers,
    }),
    writeSeconds: new Histogram({
      name: "consumer_write_duration_seconds",
      help: "One request to Cassandra, a batch or a single write. A rise: Cassandra is overloaded or its disk is slow.",
      labelNames: ["kind"] as const,
      buckets: writeSeconds,
      registers,
    }),
    storedSeconds: new Histogram({
      name: "consumer_produced_to_stored_seconds",
      help: "From producing a slice's oldest record to its being readable in Cassandra. A rise: readers see older data.",
      labelNames: ["topic"] as const,
      buckets: latencySeconds,
      registers,
    }),
    committedSeconds: new Histogram({
      name: "consumer_committed_to_stored_seconds",
      help: "From a commit in PostgreSQL to its being readable in Cassandra. A rise: Connect or the consumer lags behind.",
      buckets: latencySeconds,
      registers,
    }),
    unknownColumns: new Counter({
      name: "consumer_unknown_columns_total",
      help: "Values in change events whose column is not in the contract but in cdc.ignoredColumns. A rise: they are written, and not stored.",
      labelNames: ["column"] as const,
      registers,
    }),
    lag: new Gauge({
      name: "consumer_lag_records",
      help: "Records of a partition that are not stored or dead-lettered yet. A rise: records arrive faster than they are written.",
      labelNames: ["topic", "partition"] as const,
      registers,
    }),
  };
}

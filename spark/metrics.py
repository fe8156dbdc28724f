"""The job's metrics; each help text says what a rise means. Names follow the consumer's."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

import log

REGISTRY = CollectorRegistry()

RECORDS = Counter(
    "spark_stream_records",
    "Records processed, by outcome (stored, dead_lettered). Flat while the lag rises: the job is stuck.",
    ["topic", "outcome"],
    registry=REGISTRY,
)
DEAD_LETTERS = Counter(
    "spark_stream_dead_letters",
    "Records acknowledged by the dead-letter topic, by reason. A rise: a producer writes invalid records.",
    ["topic", "reason"],
    registry=REGISTRY,
)
BATCH_SECONDS = Histogram(
    "spark_stream_batch_duration_seconds",
    "From planning a batch to its commit. A rise: Cassandra is slower, or batches are larger.",
    ["topic"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    registry=REGISTRY,
)
LAG = Gauge(
    "spark_stream_lag_records",
    "Records of a partition not yet in any batch. A rise: records arrive faster than they are written.",
    ["topic", "partition"],
    registry=REGISTRY,
)
UNKNOWN_COLUMNS = Counter(
    "spark_stream_unknown_columns",
    "Values of the columns in CDC_IGNORED_COLUMNS. A rise: they are written, and not stored.",
    ["topic", "column"],
    registry=REGISTRY,
)
RESTARTS = Counter(
    "spark_stream_restarts",
    "Queries restarted from their checkpoint. A rise: Cassandra, Kafka or the Schema Registry is down or overloaded.",
    ["topic"],
    registry=REGISTRY,
)


def serve(host: str, port: int) -> None:
    """Serves GET /metrics in the background, on a random port if the requested one is in use."""
    if not port:
        return
    try:
        server, _ = start_http_server(port, addr=host, registry=REGISTRY)
    except OSError:
        server, _ = start_http_server(0, addr=host, registry=REGISTRY)
    log.info("listening", url=f"http://{host}:{server.server_port}/metrics")

"""What the job counts; each help text says what a rise means. The names follow the consumer's."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

import log

REGISTRY = CollectorRegistry()

RECORDS = Counter(
    "spark_stream_records",
    "Records that are done with, by outcome (stored, dead_lettered). No rise while the lag rises: it is stuck.",
    ["topic", "outcome"],
    registry=REGISTRY,
)
DEAD_LETTERS = Counter(
    "spark_stream_dead_letters",
    "Records acknowledged by the dead-letter topic, by reason. A rise: a producer writes what does not fit.",
    ["topic", "reason"],
    registry=REGISTRY,
)
BATCH_SECONDS = Histogram(
    "spark_stream_batch_duration_seconds",
    "From planning a batch to its commit. A rise: Cassandra slows down, or batches grew.",
    ["topic"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    registry=REGISTRY,
)
LAG = Gauge(
    "spark_stream_lag_records",
    "Records of a partition that no batch has taken yet. A rise: more arrives than is written.",
    ["topic", "partition"],
    registry=REGISTRY,
)
UNKNOWN_COLUMNS = Counter(
    "spark_stream_unknown_columns",
    "Values of columns that the contract does not know, passed over. A rise: PostgreSQL's table has grown a column.",
    ["topic", "column"],
    registry=REGISTRY,
)
RESTARTS = Counter(
    "spark_stream_restarts",
    "Queries begun again from their checkpoint. A rise: Cassandra, Kafka or the Schema Registry is away or overloaded.",
    ["topic"],
    registry=REGISTRY,
)


def serve(host: str, port: int) -> None:
    """Answers GET /metrics in the background; on another port where the one that was asked for is taken."""
    if not port:
        return
    try:
        server, _ = start_http_server(port, addr=host, registry=REGISTRY)
    except OSError:
        server, _ = start_http_server(0, addr=host, registry=REGISTRY)
    log.info("listening", url=f"http://{host}:{server.server_port}/metrics")

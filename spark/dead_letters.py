"""Writes records that cannot be stored to the dead-letter topic, with the headers of contract/topics.ts."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from settings import Settings

# A dead letter is the original record, which may be as large as its topic accepts (16 MiB), plus headers.
MAX_REQUEST_BYTES = 17 * 1024 * 1024

#: What `send` reads of a record.
COLUMNS = ("key", "value", "headers", "topic", "partition", "offset", "timestamp", "reason", "detail")


def send(records: DataFrame, settings: Settings) -> None:
    """
    Returns once all in-sync replicas have every record: key, value and headers unchanged, reason and origin in headers
    after the original's.
    """
    ours = F.array(
        _header("__connect.errors.topic", F.col("topic")),
        _header("__connect.errors.partition", F.col("partition").cast("string")),
        _header("__connect.errors.offset", F.col("offset").cast("string")),
        _header("__connect.errors.exception.class.name", F.col("reason")),
        _header("__connect.errors.exception.message", F.col("detail")),
        _header("source.timestamp", F.unix_millis("timestamp").cast("string")),
    )
    headers = F.coalesce(F.concat("headers", ours), ours)
    records.select("key", "value", headers.alias("headers")).write.format("kafka").options(
        **{
            **settings.kafka_access,
            "kafka.bootstrap.servers": settings.brokers,
            "topic": settings.dead_letter_topic,
            "includeHeaders": "true",
            "kafka.acks": "all",
            "kafka.max.request.size": str(MAX_REQUEST_BYTES),
        }
    ).save()


def _header(name: str, value: Column) -> Column:
    return F.struct(F.lit(name).alias("key"), value.cast("binary").alias("value"))

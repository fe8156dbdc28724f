"""Who was forgotten: contract/forgotten.ts. Their records are left out before anything else is done with them."""

import re
import time
from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from settings import Settings

#: How long what was read of the topic counts. Until then a deletion with a write time ahead protects Cassandra.
READ_AGAIN_AFTER_SECONDS = 30.0

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_HASH = re.compile("[0-9a-f]{64}")


class Forgotten:
    def __init__(self, spark: SparkSession, settings: Settings) -> None:
        self._spark = spark
        self._settings = settings
        self._hashes: list[str] = []
        self._read_at = -READ_AGAIN_AFTER_SECONDS

    def leaving_out(self, write_batch: Callable[[DataFrame, int], None]) -> Callable[[DataFrame, int], None]:
        """The function for foreachBatch without the records whose keys name somebody who was forgotten."""

        def write_others(records: DataFrame, batch_id: int) -> None:
            if time.monotonic() - self._read_at >= READ_AGAIN_AFTER_SECONDS:
                self._hashes = self._read()
                self._read_at = time.monotonic()
            if self._hashes:
                named = F.sha2(F.lower(F.regexp_extract(F.col("key").cast("string"), _UUID, 0)), 256)
                records = records.where(F.col("key").isNull() | ~named.isin(self._hashes))
            write_batch(records, batch_id)

        return write_others

    def _read(self) -> list[str]:
        """The hashes in the compacted topic; none without the topic, which a pattern allows."""
        notes = (
            self._spark.read.format("kafka")
            .options(**self._settings.kafka_access)
            .option("kafka.bootstrap.servers", self._settings.brokers)
            .option("subscribePattern", re.escape(self._settings.forgotten_topic))
            .load()
            .select(F.col("key").cast("string"), F.col("value").isNull().alias("revoked"), "offset")
            .orderBy("offset")
            .collect()
        )
        newest = {note.key: note.revoked for note in notes if note.key and _HASH.fullmatch(note.key)}
        return [key for key, revoked in newest.items() if not revoked]

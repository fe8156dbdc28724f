"""Writes each batch of the created-users topic as rows and dead letters."""

from collections.abc import Callable
from functools import lru_cache

from pyspark.sql import Column, DataFrame, Observation, Window
from pyspark.sql import functions as F

import cassandra_table
import dead_letters
import log
import metrics
from dead_letter_limit import DeadLetterLimit
from registry import Registry
from settings import Settings
from stopping import Stop, StoppingError
from user_schema import UserSchema
from wire import Decoder, end_of_minute_ms, row_columns, schema_ids, user_record

REASONS = "no_value too_large no_magic_byte unknown_schema undecodable invalid_user timestamp_ahead".split()


def write_batches(settings: Settings, schema: UserSchema, stop: Stop) -> Callable[[DataFrame, int], None]:
    """
    The function for foreachBatch. It returns, and so lets the job advance, only after every record of the batch is
    stored or acknowledged by the dead-letter topic. A rerun batch writes the same rows with the same times.
    """
    registry = Registry(settings.registry_url, settings.registry_access, schema)
    topic = settings.topic
    # Built once: it takes hundreds of calls into the JVM.
    record, counts, newest_rows = user_record(schema), _counts(), _newest_rows(schema)
    limit = DeadLetterLimit(topic, settings.max_dead_letters_in_a_row, settings.max_dead_letter_share)

    @lru_cache(maxsize=8)
    def decoder(writers: tuple[tuple[int, str | None], ...], unknown: frozenset[int]) -> Decoder:
        return Decoder.of(record, dict(writers), unknown)

    def write_batch(records: DataFrame, batch_id: int) -> None:
        if stop.requested.is_set():
            raise StoppingError(f"stop requested before batch {batch_id}")
        newest_ms = end_of_minute_ms() + settings.max_ahead_ms
        # An unknown schema id is cached for one batch only: it may be registered later. Fetching the ids up front saves
        # decoding the first batch twice.
        unknown = set() if registry.writers else registry.resolve(schema_ids(records))
        while True:
            observed = Observation()
            decoded = decoder(tuple(registry.writers.items()), frozenset(unknown)).decode(records, newest_ms)
            cassandra_table.upsert(newest_rows(decoded.observe(observed, *counts)), settings)
            if observed.get["unresolved"] == 0:
                break
            unknown |= registry.resolve(schema_ids(records) - registry.writers.keys() - unknown)

        letters = {reason: observed.get[reason] for reason in REASONS if observed.get[reason]}
        if letters:
            # observe() stops Spark from merging the decoding into each column that uses it.
            observed_again = decoded.observe("letters", F.count(F.lit(1)))
            outcomes = observed_again.select(*dead_letters.COLUMNS).persist()
            try:
                is_dead = F.col("reason").isNotNull()
                limit.check(outcomes.select("partition", "offset", is_dead).collect())
                dead_letters.send(outcomes.where(is_dead), settings)
            finally:
                outcomes.unpersist()
        else:
            limit.reset()
        for reason, count in letters.items():
            metrics.DEAD_LETTERS.labels(topic, reason).inc(count)
        dead = sum(letters.values())
        metrics.RECORDS.labels(topic, "dead_lettered").inc(dead)
        stored = observed.get["records"] - dead
        metrics.RECORDS.labels(topic, "stored").inc(stored)
        log.info("batch stored", topic=topic, id=batch_id, stored=stored, deadLettered=dead)

    return write_batch


def _newest_rows(schema: UserSchema) -> Callable[[DataFrame], DataFrame]:
    """
    Decoded records -> the rows to write, one per id: the newest write, or on equal times the later in the log, since
    Cassandra would keep the one with the greater values.
    """
    write_time = (F.col(f"user.{schema.time_field}") * 1_000).alias("write_time")
    columns = [*row_columns(schema.fields), write_time, F.col("partition"), F.col("offset")]
    newest_first = [F.col(name).desc() for name in ("write_time", "partition", "offset")]
    rank = F.row_number().over(Window.partitionBy(schema.id_field).orderBy(*newest_first))

    def newest_rows(decoded: DataFrame) -> DataFrame:
        rows = decoded.where("reason is null").select(*columns)
        return rows.withColumn("rank", rank).where("rank = 1").select(*schema.columns, "write_time")

    return newest_rows


def _counts() -> list[Column]:
    """
    What is observed of a batch: only counts. The object that an aggregate like `collect_set` keeps in the executor is
    corrupted by Spark 3.5 if a heartbeat is sent while a task ends (SPARK-52006), or the task fails.
    """
    counts = [F.count_if(F.col("reason") == reason).alias(reason) for reason in (*REASONS, "unresolved")]
    return [F.count(F.lit(1)).alias("records"), *counts]

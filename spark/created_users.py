"""The topic of created users: each batch becomes rows and dead letters."""

import time
from collections.abc import Callable
from functools import lru_cache

from pyspark.sql import Column, DataFrame, Observation, Window
from pyspark.sql import functions as F

import cassandra_table
import dead_letters
import log
import metrics
from registry import Registry
from settings import Settings
from stopping import Stop, StoppingError
from user_schema import UserSchema
from wire import Decoder, row_columns

REASONS = "no_value too_large no_magic_byte unknown_schema undecodable invalid_user timestamp_ahead".split()


def write_batches(settings: Settings, schema: UserSchema, stop: Stop) -> Callable[[DataFrame, int], None]:
    """
    For foreachBatch, which lets the job advance only once this returns: then every record of the batch is stored or
    acknowledged by the dead-letter topic. A batch that is begun again writes the same rows at the same times.
    """
    registry = Registry(settings.registry_url, schema)
    topic = settings.topic
    # Made once: building them takes hundreds of calls into the JVM.
    counts, newest_rows = _counts(), _newest_rows(schema)

    @lru_cache(maxsize=8)
    def decoder(writers: tuple[tuple[int, str | None], ...], unknown: frozenset[int]) -> Decoder:
        return Decoder.of(schema, dict(writers), unknown)

    def write_batch(records: DataFrame, batch_id: int) -> None:
        if stop.asked.is_set():
            raise StoppingError(f"asked to stop before batch {batch_id}")
        newest_ms = _end_of_minute_ms() + settings.max_ahead_ms
        # That the registry does not know an id is believed for one batch: it may be registered later.
        unknown = set() if registry.writers else registry.resolve(schema_ids(records))
        while True:
            seen = Observation()
            judged = decoder(tuple(registry.writers.items()), frozenset(unknown)).decode(records, newest_ms)
            cassandra_table.upsert(newest_rows(judged.observe(seen, *counts)), settings)
            unresolved = {int(schema_id, 16) for schema_id in seen.get["unresolved"].split()}
            if not unresolved:
                break
            unknown |= registry.resolve(unresolved)

        letters = {reason: seen.get[reason] for reason in REASONS if seen.get[reason]}
        if letters:
            # Counting keeps the filter above the decoding: pushed below it, it would decode everything several times.
            counted = judged.observe("letters", F.count(F.lit(1)))
            dead_letters.send(counted.where(F.col("reason").isNotNull()), settings)
        for reason, count in letters.items():
            metrics.DEAD_LETTERS.labels(topic, reason).inc(count)
        dead = sum(letters.values())
        metrics.RECORDS.labels(topic, "dead_lettered").inc(dead)
        stored = seen.get["records"] - dead
        metrics.RECORDS.labels(topic, "stored").inc(stored)
        log.info("batch stored", topic=topic, id=batch_id, stored=stored, deadLettered=dead)

    return write_batch


def schema_ids(records: DataFrame) -> set[int]:
    """The schema ids that occur: what the first batch has to know, without the price of decoding it in vain."""
    framed = (F.length("value") >= 5) & (F.substring("value", 1, 1) == F.lit(b"\x00"))
    ids = records.where(framed).select(F.hex(F.substring("value", 2, 4)).alias("id")).distinct()
    return {int(row.id, 16) for row in ids.collect()}


def _newest_rows(schema: UserSchema) -> Callable[[DataFrame], DataFrame]:
    """
    Judged records -> the rows to write, each id once: the newest write, and of two with the same time the later in the
    log, since Cassandra would take the one whose values are greater.
    """
    write_time = (F.col("user.timestamp") * 1_000).alias("write_time")
    columns = [*row_columns(schema.fields), write_time, F.col("partition"), F.col("offset")]
    newest_first = [F.col(name).desc() for name in ("write_time", "partition", "offset")]
    rank = F.row_number().over(Window.partitionBy("id").orderBy(*newest_first))

    def newest_rows(judged: DataFrame) -> DataFrame:
        rows = judged.where("reason is null").select(*columns)
        return rows.withColumn("rank", rank).where("rank = 1").select(*schema.columns, "write_time")

    return newest_rows


def _end_of_minute_ms() -> int:
    """In milliseconds since 1970. Spark compiles a query anew for every constant that it has not seen yet."""
    return (time.time_ns() // 60_000_000_000 + 1) * 60_000


def _counts() -> list[Column]:
    counts = [F.count_if(F.col("reason") == reason).alias(reason) for reason in REASONS]
    schema_id = F.when(F.col("reason") == "unresolved", F.hex(F.substring("value", 2, 4)))
    unresolved = F.concat_ws(" ", F.collect_set(schema_id)).alias("unresolved")
    return [F.count(F.lit(1)).alias("records"), unresolved, *counts]

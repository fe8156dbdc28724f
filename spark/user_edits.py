"""Writes each batch of edits made through the API, at their own write times, and dead letters."""

from collections.abc import Callable
from functools import lru_cache

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

import cassandra_table
import dead_letters
import log
import metrics
from dead_letter_limit import DeadLetterLimit
from edit_schema import EditSchema
from registry import Registry
from settings import Settings
from stopping import Stop, StoppingError
from validation import first_fault
from wire import NEWEST_MS, Decoder, Record, end_of_minute_ms, header, header_of, row_columns, schema_ids, values_exist


def write_batches(settings: Settings, schema: EditSchema, stop: Stop) -> Callable[[DataFrame, int], None]:
    """For foreachBatch; as in created_users.py, it returns when every edit is stored or dead-lettered."""
    registry = Registry(settings.registry_url, settings.registry_access, schema)
    topic = settings.edit_topic
    record = edit_record(schema)
    limit = DeadLetterLimit(topic, settings.max_dead_letters_in_a_row, settings.max_dead_letter_share)

    @lru_cache(maxsize=8)
    def decoder(writers: tuple[tuple[int, str | None], ...], unknown: frozenset[int]) -> Decoder:
        return Decoder.of(record, dict(writers), unknown)

    def write_batch(records: DataFrame, batch_id: int) -> None:
        if stop.requested.is_set():
            raise StoppingError(f"stop requested before batch {batch_id}")
        unknown = registry.resolve(schema_ids(records) - registry.writers.keys())
        decode = decoder(tuple(registry.writers.items()), frozenset(unknown)).decode
        edits = with_kept(decode(records, end_of_minute_ms() + settings.max_ahead_ms), schema, registry).persist()
        try:
            counts = dict(edits.groupBy(F.coalesce("reason", "edit.operation")).count().collect())
            upserts, deletes = counts.pop("upsert", 0), counts.pop("delete", 0)
            newest = newest_edits(edits, schema.user.id_field)
            if upserts:
                write_users(newest.where("edit.operation = 'upsert'"), edits, schema, settings)
            if deletes:
                ids = F.lower(f"edit.{schema.user.id_field}").alias("id")
                deleted = newest.where("edit.operation = 'delete'").select(ids, F.col("edit.write_time"))
                cassandra_table.delete(deleted, settings)
            if counts:
                limit.check(edits.select("partition", "offset", F.col("reason").isNotNull()).collect())
                dead_letters.send(edits.where("reason is not null"), settings)
            else:
                limit.reset()
        finally:
            edits.unpersist()
        dead = sum(counts.values())
        for reason, count in counts.items():
            metrics.DEAD_LETTERS.labels(topic, reason).inc(count)
        metrics.RECORDS.labels(topic, "dead_lettered").inc(dead)
        metrics.RECORDS.labels(topic, "stored").inc(upserts + deletes)
        log.info("batch stored", topic=topic, id=batch_id, stored=upserts + deletes, deadLettered=dead)

    return write_batch


def write_users(newest: DataFrame, edits: DataFrame, schema: EditSchema, settings: Settings) -> None:
    """Writes whole rows, and without the columns that it did not know what an older API wrote."""
    columns = [*row_columns(schema.user.fields), F.col("edit.write_time").alias("write_time")]
    cassandra_table.upsert(newest.select(*columns), settings)
    partial = edits.where("reason is null and size(kept) > 0")
    for row in partial.select("kept").distinct().collect():
        rows = partial.where(F.col("kept") == F.array(*map(F.lit, row.kept)))
        cassandra_table.upsert(rows.select(*columns).drop(*row.kept), settings)


def newest_edits(edits: DataFrame, id_field: str) -> DataFrame:
    """Each row's newest edit, or on equal times the later in the log; those that keep columns are written separately."""
    newest_first = [F.col(name).desc() for name in ("edit.write_time", "partition", "offset")]
    rank = F.row_number().over(Window.partitionBy(F.lower(f"edit.{id_field}")).orderBy(*newest_first))
    return edits.where("reason is null and size(kept) = 0").withColumn("rank", rank).where("rank = 1").drop("rank")


def with_kept(edits: DataFrame, schema: EditSchema, registry: Registry) -> DataFrame:
    """Adds `user`, the user in the edit, and `kept`, the columns that the writer of an upsert did not know."""
    kept = F.array().cast("array<string>")
    for schema_id, writer in registry.writers.items():
        names = schema.kept(writer) if writer is not None else []
        if names:
            is_written = (header() == F.lit(header_of(schema_id))) & (F.col("edit.operation") == "upsert")
            kept = F.when(is_written, F.array(*map(F.lit, names))).otherwise(kept)
    return edits.withColumn("user", F.col("edit.user")).withColumn("kept", kept)


def edit_record(schema: EditSchema) -> Record:
    user, id_field = schema.user, schema.user.id_field
    has_user = F.col("edit.user").isNotNull()
    return Record(
        name="edit",
        reader=schema.reader(),
        exists=F.col(f"edit.{id_field}").isNotNull()
        & values_exist(schema.fields, "edit")
        & (~has_user | values_exist(user.fields, "edit.user")),
        fault=_fault(schema, has_user),
        time_ms=F.col("edit.write_time") / 1_000,
        ahead=F.concat(
            F.lit("write_time "), F.col("edit.write_time"), F.lit(" µs is after "), F.col(NEWEST_MS), F.lit(" ms")
        ),
    )


def _fault(schema: EditSchema, has_user: Column) -> Column:
    """The rules of contract/user-edits.ts."""
    id_field = schema.user.id_field
    is_same = F.lower(f"edit.user.{id_field}") == F.lower(f"edit.{id_field}")
    return F.coalesce(
        first_fault(schema.fields, "edit"),
        F.when(has_user, first_fault(schema.user.fields, "edit.user")),
        F.when(
            (F.col("edit.operation") == "upsert") != has_user, F.lit("user: an upsert has one, a deletion has none")
        ),
        F.when(~is_same, F.lit(f"user.{id_field}: must be the id of the edit")),
    )

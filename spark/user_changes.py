"""Writes each batch of change events as upserts and deletes, timestamped by commit, and dead letters."""

import time
from collections.abc import Callable, Collection

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

import cassandra_table
import dead_letters
import log
import metrics
from change_events import read_change_event
from dead_letter_limit import DeadLetterLimit
from faults import FinalError
from settings import Settings
from stopping import Stop, StoppingError
from user_schema import UserSchema
from validation import first_fault
from wire import row_columns


def write_batches(settings: Settings, schema: UserSchema, stop: Stop) -> Callable[[DataFrame, int], None]:
    """For foreachBatch; as in created_users.py, it returns when every change is stored or dead-lettered."""
    topic = settings.change_topic
    limit = DeadLetterLimit(topic, settings.max_dead_letters_in_a_row, settings.max_dead_letter_share)

    def write_batch(records: DataFrame, batch_id: int) -> None:
        if stop.requested.is_set():
            raise StoppingError(f"stop requested before batch {batch_id}")
        newest_ms = time.time_ns() // 1_000_000 + settings.max_ahead_ms
        changes = with_write_times(validate(read(records, schema), schema, newest_ms), schema).persist()
        try:
            ignored = _ignored_columns(changes, settings.ignored_columns)
            outcome = "coalesce(reason, if(kind = 'delete', 'delete', 'upsert'))"
            counts = dict(changes.where("kind <> 'nothing'").groupBy(F.expr(outcome)).count().collect())
            kept = [
                row.kept
                for row in changes.where("reason is null and size(kept) > 0").select("kept").distinct().collect()
            ]
            upserts, deletes = counts.pop("upsert", 0), counts.pop("delete", 0)
            newest = newest_changes(changes, schema)
            if upserts:
                full = newest.where("kind <> 'delete'").select(*row_columns(schema.fields), "write_time")
                cassandra_table.upsert(full, settings)
            for columns in kept:
                part = changes.where("reason is null").where(F.col("kept") == F.array(*map(F.lit, columns)))
                rows = part.select(*row_columns(schema.fields), "write_time").drop(*columns)
                cassandra_table.upsert(rows, settings)
            if deletes:
                ids = F.lower(f"user.{schema.id_field}").alias("id")
                cassandra_table.delete(newest.where("kind = 'delete'").select(ids, "write_time"), settings)
            if counts:
                limit.check(changes.select("partition", "offset", F.col("reason").isNotNull()).collect())
                dead_letters.send(changes.where("reason is not null"), settings)
            else:
                limit.reset()
            for column, count in ignored.items():
                metrics.UNKNOWN_COLUMNS.labels(topic, column).inc(count)
        finally:
            changes.unpersist()
        dead = sum(counts.values())
        for reason, count in counts.items():
            metrics.DEAD_LETTERS.labels(topic, reason).inc(count)
        metrics.RECORDS.labels(topic, "dead_lettered").inc(dead)
        metrics.RECORDS.labels(topic, "stored").inc(upserts + deletes)
        log.info("batch stored", topic=topic, id=batch_id, stored=upserts + deletes, deadLettered=dead)

    return write_batch


def read(records: DataFrame, schema: UserSchema) -> DataFrame:
    """Adds the columns of a ChangeEvent."""
    fields, id_field = schema.fields, schema.id_field
    texts, numbers = T.ArrayType(T.StringType()), T.LongType()
    types = {"int": numbers, "long": numbers, "timestamp": numbers, "date": numbers}
    types |= {"double": T.DoubleType(), "boolean": T.BooleanType(), "list": texts}
    user = T.StructType([T.StructField(f.name, types.get(f.kind, T.StringType())) for f in fields])
    event = T.StructType()
    for name in ("kind", "reason", "detail"):
        event.add(name, T.StringType())
    event.add("user", user).add("kept", texts).add("unknown", texts)
    for name in ("commit", "total_order", "lsn"):
        event.add(name, numbers)
    parse = F.udf(lambda key, value: read_change_event(key, value, fields, id_field), event)
    return records.withColumn("event", parse("key", "value")).select("*", "event.*").drop("event")


def validate(events: DataFrame, schema: UserSchema, newest_ms: int) -> DataFrame:
    """Adds `reason` and `detail` by the contract's rules; a deleted row has only its id to check."""
    of_delete = [field for field in schema.fields if field.name == schema.id_field]
    faults = [F.when(~F.array_contains("kept", field.name), first_fault([field], "user")) for field in schema.fields]
    fault = F.when(F.col("kind") == "delete", first_fault(of_delete, "user")).when(
        F.col("kind").isin("upsert", "read"), F.coalesce(*faults)
    )
    ahead = (F.col("kind") != "read") & (F.col("commit") > newest_ms * 1_000)
    faulty = events.withColumn("fault", fault)
    reason = F.coalesce(
        "reason",
        F.when(F.col("fault").isNotNull(), F.lit("invalid_user")),
        F.when(ahead, F.lit("timestamp_ahead")),
    )
    detail = F.coalesce(
        "detail",
        "fault",
        F.when(ahead, F.concat(F.lit("committed at "), F.col("commit"), F.lit(" µs, later than allowed"))),
    )
    return faulty.withColumn("reason", reason).withColumn("detail", detail).drop("fault")


def with_write_times(changes: DataFrame, schema: UserSchema) -> DataFrame:
    """
    Adds `write_time`, by the rule of stream/user-changes/write-times.ts: the commit time or, if later, one microsecond after the
    row's previous change. Changes before the batch are not known, so if it starts inside a transaction, the position in
    the transaction is added, which exceeds the number of earlier changes. A snapshot's row is assumed to have been
    written at its own timestamp.
    """
    in_log = Window.partitionBy("topic", "partition").orderBy("offset")
    counts = changes["reason"].isNull() & changes["kind"].isin("upsert", "delete")
    first_commit = F.first(F.when(counts, F.col("commit")), ignorenulls=True).over(in_log)
    first_order = F.first(F.when(counts, F.col("total_order")), ignorenulls=True).over(in_log)
    in_open_transaction = (first_order > 1) & (F.col("commit") <= first_commit)
    earliest = F.col("commit") + F.when(in_open_transaction, F.col("total_order")).otherwise(0)

    # With w(n) = max(earliest(n), w(n-1) + 1), w(n) - n is the maximum of earliest(i) - i so far.
    of_row = Window.partitionBy("partition", F.lower(f"user.{schema.id_field}"), counts).orderBy("lsn")
    position = F.dense_rank().over(of_row)
    chained = (
        changes.withColumn("earliest", earliest)
        .withColumn("position", position)
        .withColumn("write_time", F.col("position") + F.max(F.col("earliest") - F.col("position")).over(of_row))
    )
    read_at = F.least(F.col(f"user.{schema.time_field}") * 1_000 + 1, F.col("commit"))
    write_time = F.when(F.col("kind") == "read", read_at).otherwise(F.col("write_time"))
    return chained.withColumn("write_time", write_time).drop("earliest", "position")


def newest_changes(changes: DataFrame, schema: UserSchema) -> DataFrame:
    """Each row's newest complete change; changes that keep columns are written separately."""
    newest_first = Window.partitionBy(F.lower(f"user.{schema.id_field}")).orderBy(
        *_newest("write_time", "lsn", "offset")
    )
    whole = changes.where("reason is null and kind <> 'nothing' and size(kept) = 0")
    return whole.withColumn("rank", F.row_number().over(newest_first)).where("rank = 1").drop("rank")


def _newest(*columns: str) -> list[Column]:
    return [F.col(name).desc() for name in columns]


def _ignored_columns(changes: DataFrame, ignored: Collection[str]) -> dict[str, int]:
    """
    The ignored columns and how many values they have. Raises FinalError if other columns that are not in the contract
    have values: a newer version knows what to do with them, and this one would lose them.
    """
    named = changes.where("size(unknown) > 0").select(F.explode("unknown").alias("column"))
    counts = {row.column: row["count"] for row in named.groupBy("column").count().collect()}
    newer = sorted(set(counts) - set(ignored))
    if newer:
        raise FinalError(
            f"changes have values in columns that this job does not know: {', '.join(newer)}; update the job, which "
            "continues from its checkpoint, or list columns that are not the contract's in CDC_IGNORED_COLUMNS"
        )
    return counts

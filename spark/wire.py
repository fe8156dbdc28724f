"""Decodes records into users or edits, or a reason for rejection: contract/wire.ts as Spark expressions."""

import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import from_avro

from user_schema import SENTINEL, Field, UserSchema
from validation import first_fault

MAX_VALUE_BYTES = 64 * 1024
# The limits of JavaScript's numbers and of its Date, which the consumer uses: 100 million days from 1970.
GREATEST = {"int": 2**53 - 1, "long": 2**53 - 1, "date": 100_000_000, "timestamp": 8_640_000_000_000_000}
#: A column with the latest allowed time, the same for all records of a batch.
NEWEST_MS = "__newest_ms"


def end_of_minute_ms() -> int:
    """Milliseconds since 1970, rounded up to the minute: Spark recompiles a query for every new constant."""
    return (time.time_ns() // 60_000_000_000 + 1) * 60_000


def schema_ids(records: DataFrame) -> set[int]:
    """The schema ids in a batch."""
    framed = (F.length("value") >= 5) & (F.substring("value", 1, 1) == F.lit(b"\x00"))
    ids = records.where(framed).select(F.hex(F.substring("value", 2, 4)).alias("id")).distinct()
    return {int(row.id, 16) for row in ids.collect()}


def header() -> Column:
    """The five bytes before the body: magic byte 0 and the schema id."""
    return F.substring("value", 1, 5)


def header_of(schema_id: int) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big")


@dataclass(frozen=True)
class Record:
    """What is decoded, as expressions on the column `name`, a struct of the record's fields."""

    name: str
    #: The Avro schema that it is read with.
    reader: str
    #: Whether every number, time and date exists in JavaScript, and what must not be null is not.
    exists: Column
    #: The first violation of the contract, null if there is none.
    fault: Column
    #: When it is written, in milliseconds since 1970 or a fraction, and the sentence if that is too far ahead.
    time_ms: Column
    ahead: Column


def user_record(schema: UserSchema) -> Record:
    time_ms = F.col(f"user.{schema.time_field}")
    return Record(
        name="user",
        reader=schema.reader(),
        exists=F.col(f"user.{schema.id_field}").isNotNull() & values_exist(schema.fields, "user"),
        fault=first_fault(schema.fields, "user"),
        time_ms=time_ms,
        ahead=F.concat(
            F.lit(f"{schema.time_field} "),
            time_ms,
            F.lit(" ms is after "),
            F.col(NEWEST_MS),
            F.lit(" ms, the latest allowed"),
        ),
    )


@dataclass(frozen=True)
class Decoder:
    """
    Decodes records with known schema ids. Building the expressions takes hundreds of calls into the JVM, longer than a
    small batch, so a decoder is built once and reused until a new schema appears.
    """

    _steps: tuple[tuple[str, Column], ...]

    @staticmethod
    def of(record: Record, writers: Mapping[int, str | None], unknown: Set[int]) -> "Decoder":
        """
        A record whose schema id is in neither `writers` nor `unknown` gets the reason `unresolved`: the registry must be
        asked first. `writers` holds None for schemas whose values cannot become such records.
        """
        whole = (F.col(f"{record.name}.__end") == F.lit(SENTINEL)) & record.exists
        accepted = F.col("reason").isNull()
        reason = F.coalesce(
            "reason",
            F.when(F.col("fault").isNotNull(), F.lit("invalid_user")),
            F.when(record.time_ms > F.col(NEWEST_MS), F.lit("timestamp_ahead")),
        )
        return Decoder(
            (
                ("reason", _shape(writers, unknown)),
                (record.name, F.when(accepted, _body(record.reader, writers))),
                ("reason", F.coalesce("reason", F.when(~F.coalesce(whole, F.lit(False)), F.lit("undecodable")))),
                ("fault", F.when(accepted, record.fault)),
                ("reason", reason),
                ("detail", _detail(record)),
            )
        )

    def decode(self, records: DataFrame, newest_ms: int) -> DataFrame:
        """
        Adds three columns: the record's own (a struct of the contract's fields, times in milliseconds), and `reason` and
        `detail` if it is rejected.
        """
        frame = records.withColumn(NEWEST_MS, F.lit(newest_ms))
        for name, column in self._steps:
            frame = frame.withColumn(name, column)
        return frame.drop("fault", NEWEST_MS)


def _body(reader: str, writers: Mapping[int, str | None]) -> Column:
    body = F.concat(F.expr("substring(value, 6)"), F.lit(SENTINEL))
    # Never taken: it only gives the column its type.
    decoded = F.when(F.lit(False), from_avro(body, reader, {"mode": "PERMISSIVE"}))
    for schema_id, writer in writers.items():
        if writer is not None:
            from_body = from_avro(body, writer, {"mode": "PERMISSIVE", "avroSchema": reader})
            decoded = F.when(header() == F.lit(header_of(schema_id)), from_body).otherwise(decoded)
    return decoded


def _shape(writers: Mapping[int, str | None], unknown: Set[int]) -> Column:
    def is_one_of(ids: Iterable[int]) -> Column:
        listed = [F.lit(header_of(schema_id)) for schema_id in ids]
        return header().isin(listed) if listed else F.lit(False)

    return (
        F.when(F.col("value").isNull(), F.lit("no_value"))
        .when(F.length("value") > MAX_VALUE_BYTES, F.lit("too_large"))
        .when((F.length("value") < 5) | (F.substring("value", 1, 1) != F.lit(b"\x00")), F.lit("no_magic_byte"))
        .when(~is_one_of((*writers, *unknown)), F.lit("unresolved"))
        .when(is_one_of(unknown), F.lit("unknown_schema"))
        .when(is_one_of(schema_id for schema_id, writer in writers.items() if writer is None), F.lit("undecodable"))
    )


def values_exist(fields: Iterable[Field], record: str) -> Column:
    """Whether JavaScript can represent every number, time and date in the struct `record`."""
    exists = F.lit(True)
    for field in fields:
        if (greatest := GREATEST.get(field.kind)) is not None:
            in_range = F.col(f"{record}.{field.name}").between(-greatest, greatest)
            exists = exists & F.coalesce(in_range, F.lit(field.nullable))
    return exists


def _detail(record: Record) -> Column:
    """An explanation for the person inspecting the dead letter."""
    schema_id = F.conv(F.hex(F.substring("value", 2, 4)), 16, 10)
    sentences: dict[str, Column] = {
        "no_value": F.lit("the value is null"),
        "too_large": F.concat(
            F.lit("the value has "), F.length("value"), F.lit(f" bytes, more than {MAX_VALUE_BYTES}")
        ),
        "no_magic_byte": F.lit("the value does not begin with magic byte 0 and a schema id"),
        "unknown_schema": F.concat(F.lit("the registry has no schema "), schema_id),
        "undecodable": F.concat(
            F.lit("does not match schema "), schema_id, F.lit(", or its values cannot become users")
        ),
        "invalid_user": F.col("fault"),
        "timestamp_ahead": record.ahead,
    }
    detail = F.lit(None).cast("string")
    for reason, sentence in sentences.items():
        detail = F.when(F.col("reason") == reason, sentence).otherwise(detail)
    return detail


def row_columns(fields: tuple[Field, ...]) -> list[Column]:
    """The table's columns, from `user`: strings as Java decodes them, ids in lower case, times and dates as such."""
    columns = []
    for field in fields:
        value = F.col(f"user.{field.name}")
        match field.kind:
            case "uuid":
                value = F.lower(value)
            case "int":
                value = value.cast("int")
            case "timestamp":
                value = F.timestamp_millis(value)
            case "date":
                value = F.date_from_unix_date(value.cast("int"))
        columns.append(value.alias(field.name))
    return columns
